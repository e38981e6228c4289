// A trainer's state as a word with a shape of its own, so that colour is never the only sign.
import type { ShownState } from "../trainer_state";

const kUnderWay = "M1.2 6 A1.3 1.3 0 1 0 3.8 6 A1.3 1.3 0 1 0 1.2 6 M4.7 6 A1.3 1.3 0 1 0 7.3 6 A1.3 1.3 0 1 0 4.7 6 M8.2 6 A1.3 1.3 0 1 0 10.8 6 A1.3 1.3 0 1 0 8.2 6";

const shapes: Record<ShownState, string> = {
  ALIVE: "M3 2 L10 6 L3 10 Z",
  PAUSED: "M3 2 H5.2 V10 H3 Z M6.8 2 H9 V10 H6.8 Z",
  STALLED: "M6 1.2 L11 10.4 H1 Z",
  DEAD: "M2 3.4 L3.4 2 L6 4.6 L8.6 2 L10 3.4 L7.4 6 L10 8.6 L8.6 10 L6 7.4 L3.4 10 L2 8.6 L4.6 6 Z",
  STOPPED: "M2.5 2.5 H9.5 V9.5 H2.5 Z",
  FAILED: "M4 1 H8 L11 4 V8 L8 11 H4 L1 8 V4 Z",
  COMPLETED: "M1.6 6.4 L3.2 4.8 L5 6.6 L8.9 2.6 L10.5 4.2 L5 9.8 Z",
  UNREACHABLE: "M1 5 H4.4 V7 H1 Z M7.6 5 H11 V7 H7.6 Z",
  WAITING: "M6 2 A4 4 0 1 0 6 10 A4 4 0 1 0 6 2 M6 4 A2 2 0 1 1 6 8 A2 2 0 1 1 6 4",
  PAUSING: kUnderWay,
  RESUMING: kUnderWay,
  STOPPING: kUnderWay,
};

const meanings: Record<ShownState, string> = {
  ALIVE: "training",
  PAUSED: "paused by a command; heartbeats go on",
  STALLED: "heartbeats arrive, but no step was finished for too long",
  DEAD: "three heartbeats were missed",
  FAILED: "said that it failed",
  COMPLETED: "finished its training",
  STOPPED: "ended before its plan, because somebody asked",
  UNREACHABLE: "the broker is away, so nothing is known",
  WAITING: "started, no batch yet",
  PAUSING: "asked to pause, and not yet paused",
  RESUMING: "asked to go on, and not yet going",
  STOPPING: "asked to stop, and not yet ended",
};

export const stateClass = (state: ShownState): string => `state-${state.toLowerCase()}`;

export function StateBadge({ state }: { state: ShownState }) {
  return (
    <span class={`badge ${stateClass(state)}`} data-testid="state" title={meanings[state]}>
      <svg viewBox="0 0 12 12" width="10" height="10" aria-hidden="true">
        <path d={shapes[state]} fill-rule="evenodd" />
      </svg>
      {state}
    </span>
  );
}
