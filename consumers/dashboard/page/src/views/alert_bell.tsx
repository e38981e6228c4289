// The bell: how many alerts stand that nobody here knows of, and the list of all with their history.
import { useEffect, useRef, useState } from "preact/hooks";
import { ruleWords, sortedAlerts, type Alert } from "../alerts";
import { dateTime, duration } from "../format";
import type { Page } from "../page";
import { trainerHref } from "../route";

const kMinute = 60_000;
const silences: [string, number][] = [["15 minutes", 15 * kMinute], ["1 hour", 60 * kMinute], ["8 hours", 480 * kMinute], ["1 day", 1440 * kMinute]];
const kMaxLines = 200;

export function AlertBell({ page }: { page: Page }) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const now = page.state.clock.now(page.now);
  const alerts = sortedAlerts(page.state.alerts);
  const calling = alerts.filter((alert) => page.alertDesk.calls(alert, now)).length;
  useEffect(() => {
    if (!open) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      setOpen(false);
      box.current?.querySelector("button")?.focus();
    };
    const onClick = (event: MouseEvent) => !box.current?.contains(event.target as Node) && setOpen(false);
    addEventListener("keydown", onKey, true);
    addEventListener("mousedown", onClick);
    return () => {
      removeEventListener("keydown", onKey, true);
      removeEventListener("mousedown", onClick);
    };
  }, [open]);
  return (
    <div class="bell" ref={box}>
      <button
        class={calling > 0 ? "icon calling" : "icon"}
        aria-expanded={open}
        aria-label={calling === 0 ? "Alerts" : `Alerts: ${calling} new`}
        data-testid="bell"
        data-count={calling}
        onClick={() => setOpen(!open)}
      >
        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
          <path d="M8 1.5a4 4 0 0 0-4 4v3L2.5 11h11L12 8.5v-3a4 4 0 0 0-4-4ZM6.5 12.5a1.5 1.5 0 0 0 3 0Z" />
        </svg>
        {calling > 0 && <b>{calling}</b>}
      </button>
      {open && (
        <section class="panel bell-list" aria-label="Alerts" data-testid="alert-list">
          {alerts.length === 0 && <p class="placeholder">No alert has been raised.</p>}
          <ul>
            {alerts.slice(0, kMaxLines).map((alert) => (
              <Line key={alert.id} alert={alert} page={page} now={now} close={() => setOpen(false)} />
            ))}
          </ul>
          {alerts.length > 0 && <p class="dim note">What you acknowledge or silence is silent in this browser only.</p>}
        </section>
      )}
    </div>
  );
}

function Line({ alert, page, now, close }: { alert: Alert; page: Page; now: number; close: () => void }) {
  const { alertDesk: desk } = page;
  const stands = alert.endedAt === 0;
  const until = desk.silencedUntil(alert, now);
  const known = desk.isAcknowledged(alert);
  const site = page.sites.find(({ base }) => base === (alert.base ?? ""))?.name;
  const who = `${site ? `${site}: ` : ""}${alert.run}/${alert.trainer}`;
  const act = (action: () => void) => {
    action();
    page.repaint();
  };
  return (
    <li class={`alert ${stands ? "stands" : "over"}`} data-testid="alert" data-rule={alert.rule} data-active={stands}>
      <p class="alert-head">
        <b>{ruleWords(alert.rule)}</b>
        <a href={trainerHref(alert)} onClick={close}>
          {who}
        </a>
        <span class="dim">{stands ? `for ${duration(now - alert.raisedAt)}` : `over after ${duration(alert.endedAt - alert.raisedAt)}`}</span>
      </p>
      <p class="alert-text">{alert.message}</p>
      <p class="alert-foot">
        <time class="dim" dateTime={new Date(alert.raisedAt).toISOString()}>
          {dateTime(alert.raisedAt)}
        </time>
        {until > 0 && <span class="dim">silent until {dateTime(until)}</span>}
        {known && stands && <span class="dim">acknowledged</span>}
        <span class="spacer" />
        {(until > 0 || (known && stands)) && (
          <button class="small" onClick={() => act(() => desk.hear(alert))}>
            hear again
          </button>
        )}
        {stands && !known && until === 0 && (
          <button class="small" data-testid="acknowledge" onClick={() => act(() => desk.acknowledge(alert))}>
            acknowledge
          </button>
        )}
        {stands && until === 0 && (
          <select
            class="small"
            aria-label={`Silence ${ruleWords(alert.rule)} of ${who}`}
            data-testid="silence"
            value=""
            onChange={(event) => act(() => desk.silence(alert, now + Number(event.currentTarget.value)))}
          >
            <option value="" disabled>
              silence…
            </option>
            {silences.map(([text, ms]) => (
              <option key={ms} value={ms}>
                {text}
              </option>
            ))}
          </select>
        )}
      </p>
    </li>
  );
}
