// Which tiles of a batch are shown, and in which order.
import type { TileVerdict } from "./messages";

export interface Arrangement {
  worstFirst: boolean;
  wrongOnly: boolean;
  truth: string; // only tiles of this class; "": of all
}

export const asTheyCome: Arrangement = { worstFirst: false, wrongOnly: false, truth: "" };

const kKeys = { order: "tile-order", only: "tile-only", truth: "tile-class" } as const;

export const readArrangement = (params: URLSearchParams): Arrangement => ({
  worstFirst: params.get(kKeys.order) === "worst",
  wrongOnly: params.get(kKeys.only) === "wrong",
  truth: params.get(kKeys.truth) ?? "",
});

// Only what differs from how they come.
export function writeArrangement({ worstFirst, wrongOnly, truth }: Arrangement, params: URLSearchParams): void {
  const said: [string, string][] = [[kKeys.order, worstFirst ? "worst" : ""], [kKeys.only, wrongOnly ? "wrong" : ""], [kKeys.truth, truth]];
  for (const [key, value] of said) {
    if (value) params.set(key, value);
    else params.delete(key);
  }
}

// Confidently wrong is worst, confidently right is best; in between is what nothing is known of.
export function badness({ right, confidence }: TileVerdict): number {
  if (right === null) return 0;
  return right ? -confidence : confidence;
}

export function arranged(verdicts: readonly TileVerdict[], { worstFirst, wrongOnly, truth }: Arrangement): number[] {
  const shown = verdicts.filter((verdict) => (!wrongOnly || verdict.right === false) && (truth === "" || verdict.truth === truth));
  if (worstFirst) shown.sort((a, b) => badness(b) - badness(a) || a.index - b.index);
  return shown.map(({ index }) => index);
}
