// Numbers as people read them. null (not said) is always an en dash; NaN and infinity are what they are.
export const kNone = "–";

// "NaN", "∞", "−∞"; empty for a finite number.
export function notFinite(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return Number.isFinite(value) ? "" : value > 0 ? "∞" : "−∞";
}

const trim = (text: string): string => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

// 0.0312, 12.5, 1.2k, 3.4M, 1e-4: about `digits` significant digits, never more than six characters of them.
export function number(said: number | null | undefined, digits = 4): string {
  if (said === null || said === undefined) return kNone;
  if (!Number.isFinite(said)) return notFinite(said);
  const kept = Math.abs(said) < 1000 ? digits : Math.min(digits, 3);
  const value = Number(said.toPrecision(kept)); // may need a larger unit than before
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-3) return value.toExponential(Math.min(digits - 1, 2)).replace(/\.?0+e/, "e");
  if (size < 1000) return trim(value.toPrecision(digits));
  const unit = ([[1e9, "G"], [1e6, "M"], [1e3, "k"]] as const).find(([least]) => size >= least)!;
  if (size >= 1e12) return said.toExponential(2).replace(/\.?0*e\+?/, "e");
  return trim((value / unit[0]).toPrecision(kept)) + unit[1];
}

// Made once: a number that makes its own costs a hundred times as much.
const counts = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

// 12,345: a count where every one matters.
export function count(value: number | null | undefined): string {
  return value === null || value === undefined || !Number.isFinite(value) ? number(value) : counts.format(Math.round(value));
}

// Loss: always four decimals where it is small, so that it does not jump about.
export function loss(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return number(value);
  const size = Math.abs(value);
  return size >= 1e-3 && size < 10 ? value.toFixed(4) : number(value);
}

export function percent(ratio: number | null | undefined): string {
  return ratio === null || ratio === undefined || !Number.isFinite(ratio) ? number(ratio) : `${(ratio * 100).toFixed(1)} %`;
}

export function rate(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return number(value);
  return value >= 1000 ? number(value) : value.toFixed(value < 10 ? 1 : 0);
}

// 340 ms, 3.4 s, 2 m 05 s, 1 h 12 m, 3 d 4 h.
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return kNone;
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${String(whole % 60).padStart(2, "0")} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} m`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

export function mebibytes(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return number(value);
  return value >= 1024 ? `${(value / 1024).toFixed(1)} GB` : `${Math.round(value)} MB`;
}

// 950 B, 12.5 kB, 3.4 MB.
export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return number(value);
  if (value < 1000) return `${Math.round(value)} B`;
  return value < 1e6 ? `${number(value / 1e3, 3)} kB` : `${number(value / 1e6, 3)} MB`;
}

// 2026-11-26 05:12:09 UTC+1, in this browser's zone.
export function dateTime(unixMs: number): string {
  return new Date(unixMs).toLocaleString("sv-SE", {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
  });
}

export function timeOfDay(unixMs: number): string {
  return new Date(unixMs).toLocaleTimeString("en-GB");
}
