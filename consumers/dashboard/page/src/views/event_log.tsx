// Status changes, commands and alerts, newest first. A command takes one line: its latest state.
import { ruleWords } from "../alerts";
import { commandTitle } from "../command";
import { count, dateTime, timeOfDay } from "../format";
import type { BusEvent } from "../protocol";
import { outcome } from "./controls";

const kMaxLines = 150;

export function latestEvents(events: readonly BusEvent[]): BusEvent[] {
  const seen = new Set<string>();
  return events
    .filter((event) => {
      if (event.kind !== "command") return true;
      if (seen.has(event.command_id)) return false;
      seen.add(event.command_id);
      return true;
    })
    .slice(0, kMaxLines);
}

export function EventLog({ events }: { events: readonly BusEvent[] }) {
  const lines = latestEvents(events);
  return (
    <section class="panel events" aria-label="Events">
      <header>
        <h2>Events</h2>
        <span class="facts dim">newest first</span>
      </header>
      <ol class="event-log" data-testid="event-log" tabIndex={0}>
        {lines.map((event, i) => (
          <li key={`${event.timestamp_ms}-${lines.length - i}`} class={`event event-${tone(event)}`}>
            <time dateTime={new Date(event.timestamp_ms).toISOString()} title={dateTime(event.timestamp_ms)}>{timeOfDay(event.timestamp_ms)}</time>
            <span class="what">{describe(event)}</span>
            {event.step > 0 && <span class="dim step">step {count(event.step)}</span>}
          </li>
        ))}
        {lines.length === 0 && <li class="placeholder">nothing has happened yet</li>}
      </ol>
    </section>
  );
}

function tone(event: BusEvent): string {
  switch (event.kind) {
    case "status":
      return event.status === "FAILED" ? "bad" : event.status === "STOPPED" ? "pending" : "status";
    case "alert":
      return event.active ? "bad" : "good";
    case "command":
      return event.state === "APPLIED" ? "command" : ["REJECTED", "EXPIRED", "UNKNOWN"].includes(event.state) ? "bad" : "pending";
  }
}

function describe(event: BusEvent): string {
  switch (event.kind) {
    case "status":
      return event.message ? `${event.status}: ${event.message}` : event.status;
    case "alert":
      return `${event.active ? "alert" : "alert over"} ${ruleWords(event.rule)}${event.message && `: ${event.message}`}`;
    case "command": {
      const value = event.value && ` ${event.value}`;
      const end = event.state === "APPLIED" ? changeOf(event) : outcome(event);
      return `${commandTitle(event)}${value} ${event.state}${end && ` ${end}`}${event.issuer && ` · by ${event.issuer}`}`;
    }
  }
}

function changeOf(event: BusEvent & { kind: "command" }): string {
  if (event.old_value === "") return event.new_value === event.value ? "" : event.new_value;
  return event.old_value !== event.new_value ? `${event.old_value} → ${event.new_value}` : "";
}
