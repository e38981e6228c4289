// What holds for all charts: x, smoothing, outliers, the way back from a zoom, and the search.
import { useEffect } from "preact/hooks";
import { kMaxSmoothing } from "../chart_settings";
import { xModeNames } from "../charts/x_axis";
import type { Page } from "../page";
import { xModes, type XMode } from "../timeline";

// The slider is finer where it matters: towards 1.
const toSlider = (smoothing: number): number => Math.round(1000 * (1 - Math.log10(1 + 999 * (1 - smoothing)) / 3));
const fromSlider = (at: number): number => {
  const smoothing = 1 - (10 ** (3 * (1 - at / 1000)) - 1) / 999;
  return Math.min(kMaxSmoothing, Math.max(0, Number(smoothing.toFixed(smoothing > 0.97 ? 3 : 2))));
};

export function ChartTools({ page }: { page: Page }) {
  const { charts } = page;
  const { settings, timeline } = charts;
  return (
    <div class="chart-tools panel" role="group" aria-label="How the charts are drawn">
      <label>
        x
        <select data-testid="x-mode" value={settings.x} onChange={(event) => charts.change({ x: event.currentTarget.value as XMode })}>
          {xModes.map((mode) => (
            <option key={mode} value={mode} disabled={!timeline.can(mode)}>
              {xModeNames[mode]}
            </option>
          ))}
        </select>
        {!timeline.can(settings.x) && (
          <span class="dim" data-testid="x-not-known">
            not known: by step
          </span>
        )}
      </label>
      <label title="Exponential smoothing of the curves over steps; the raw values stay behind it">
        smoothing
        <input
          type="range"
          data-testid="smoothing"
          min={0}
          max={1000}
          value={toSlider(settings.smoothing)}
          aria-valuetext={String(settings.smoothing)}
          onInput={(event) => charts.change({ smoothing: fromSlider(Number(event.currentTarget.value)) })}
        />
        <output data-testid="smoothing-value">{settings.smoothing}</output>
      </label>
      <button class="small" aria-pressed={settings.clip} data-testid="clip" title="Outliers do not stretch the y axes" onClick={() => charts.change({ clip: !settings.clip })}>
        clip outliers
      </button>
      <button
        class="small"
        aria-pressed={settings.logX}
        disabled={settings.x === "time"}
        data-testid="log-x"
        title="Logarithmic x"
        onClick={() => charts.change({ logX: !settings.logX })}
      >
        log x
      </button>
      {charts.hasEarlier && (
        <button
          class="small"
          aria-pressed={settings.earlier}
          data-testid="earlier"
          title="What earlier incarnations of this trainer said, where a later one did the same steps again"
          onClick={() => charts.change({ earlier: !settings.earlier })}
        >
          earlier incarnations
        </button>
      )}
      {settings.range && (
        <button class="small" data-testid="reset-zoom" title="Everything again: double click on a chart, or Esc" onClick={() => charts.setRange(null, false)}>
          reset zoom
        </button>
      )}
      {charts.canGoBack && (
        <button class="small" data-testid="zoom-back" title="The range before (Backspace on a chart)" onClick={() => charts.back()}>
          ← range
        </button>
      )}
      <input
        type="search"
        class="chart-search"
        placeholder="Search charts"
        aria-label="Search charts"
        data-testid="chart-search"
        value={settings.search}
        onInput={(event) => charts.change({ search: event.currentTarget.value })}
      />
    </div>
  );
}

// Esc first shows everything again, then ends the full screen.
export function useEscape({ charts }: Page): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      if (event.target instanceof HTMLInputElement) return;
      if (charts.settings.range) charts.setRange(null, false);
      else if (charts.settings.full) charts.change({ full: "" });
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}
