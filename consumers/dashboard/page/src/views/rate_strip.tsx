// Always on screen: how fast the trainer goes, how fast this page draws, how old what it draws is, what was left out.
import { count, duration, kNone, rate } from "../format";
import type { Page } from "../page";
import { endedStates, type Trainer } from "../protocol";
import type { Watched } from "../state";
import { ageOf, kLatelyMs } from "../trainer_state";
import { Progress } from "./progress";
import { stateClass } from "./state_badge";

const kIdleMs = 2000;

export function RateStrip({ page, watched, trainer }: { page: Page; watched: Watched; trainer: Trainer | null }) {
  const { frame, frameAt } = page.tiles();
  const running = trainer?.state === "ALIVE" && page.state.link === "open";
  const drawing = frame !== null && page.now - frameAt < kIdleMs;
  // Between frames the picture on screen grows older.
  const age = frame === null ? null : Math.max(0, frame.ageMs) + (drawing ? 0 : page.now - frameAt);
  const ended = trainer !== null && endedStates.includes(trainer.state);
  const beat = ended ? null : ageOf(trainer?.silent_since_ms ?? null, page.state.clock.now(page.now));
  return (
    <div class={`rate-strip ${trainer ? stateClass(trainer.state) : ""}`} role="group" aria-label="Rates and progress">
      <Rate label="trainer" unit="batches/s" testId="fps-trainer" text={running ? rate(trainer.fps) : trainer ? "0" : kNone} />
      <Rate label="this page" unit="frames/s" testId="fps-page" text={drawing ? rate(frame.fps) : "0"} />
      <Rate label="age of data" testId="data-age" text={duration(age)} tone={age !== null && drawing && age > 1000 ? "warn" : ""} />
      <Rate label="not shown" testId="dropped" text={frame ? count(frame.dropped) : kNone} />
      <Rate label="heartbeat" extra testId="heartbeat" text={beat === null ? kNone : beat < kLatelyMs ? "now" : duration(beat)} />
      {trainer && <Progress trainer={trainer} offset={watched.incarnations.at(-1)?.offset ?? 0} />}
    </div>
  );
}

interface RateProps {
  label: string;
  unit?: string;
  testId: string;
  text: string;
  tone?: "warn" | "";
  extra?: boolean; // left out on a phone
}

function Rate({ label, unit, testId, text, tone = "", extra = false }: RateProps) {
  return (
    <span class={extra ? "rate extra" : `rate ${tone}`}>
      <span class="label">{label}</span>
      <span>
        <b data-testid={testId}>{text}</b>
        {unit && <span class="dim"> {unit}</span>}
      </span>
    </span>
  );
}
