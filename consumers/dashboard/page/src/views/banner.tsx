// What the user must know about the connection, whatever page is open.
import { duration, timeOfDay } from "../format";
import type { Page } from "../page";

const kDay = 24 * 3600 * 1000;

export function Banner({ page }: { page: Page }) {
  const { state, now } = page;
  if (state.link === "lost") {
    return (
      <p class="banner bad" role="alert" data-testid="lost-banner">
        <strong>{state.listed ? "Connection lost" : "No connection"}</strong>{" "}
        {/* It counts on, which nobody wants read out. */}
        {state.lostAt > 0 && <span aria-hidden="true">{duration(now - state.lostAt)} ago</span>}
        {state.byeReason && <span> — {state.byeReason}</span>}. What you see is old; the page reconnects by itself.
      </p>
    );
  }
  if (state.link === "open" && state.listed && !state.brokerConnected) {
    return (
      <p class="banner warn" role="alert" data-testid="broker-banner">
        <strong>The broker is away{state.broker && ` (${state.broker})`}.</strong> Trainers keep training and keep their records; they
        arrive when it is back.
      </p>
    );
  }
  // One that nobody ended for a day is of a program that is gone.
  const troubles = state.troubles.filter(({ since_ms }) => state.clock.now(now) - since_ms < kDay);
  const [first] = troubles;
  if (state.link === "open" && first) {
    return (
      <p class="banner warn" role="alert" data-testid="trouble-banner">
        <strong>{first.program}</strong> since {timeOfDay(first.since_ms)}: {first.message}
        {troubles.length > 1 && <span> — and {troubles.length - 1} more</span>}
      </p>
    );
  }
  if (state.link === "open" && state.listed && !state.caughtUp) {
    return (
      <p class="banner" role="status">
        Reading the history from the broker…
      </p>
    );
  }
  return null;
}
