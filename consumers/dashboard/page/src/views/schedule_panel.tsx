// The edits of a run as a text: taken from it, changed, kept as a file, and played on this trainer.
import { useState } from "preact/hooks";
import { download } from "../download";
import { count } from "../format";
import type { Page } from "../page";
import type { Trainer } from "../protocol";
import { sessionId } from "../route";
import { editsOf, editTitle, isOver, parseSchedule, scheduleText, type Playing } from "../schedule";
import type { Watched } from "../state";
import { noControl } from "../trainer_state";

const kExample = "1000  set-lr  0.001\n2000  set  weight_decay  0.01\n9000  stop";

export function SchedulePanel({ page, watched, trainer }: { page: Page; watched: Watched; trainer: Trainer }) {
  const [text, setText] = useState("");
  const session = sessionId(watched);
  const playing = page.schedules.of(session);
  const { edits, problems } = parseSchedule(text);
  const done = editsOf(watched, trainer.incarnation);
  const reason = noControl(trainer, page.state.link, page.state.brokerConnected);
  const step = trainer.step ?? 0;
  const behind = edits.filter((edit) => edit.step < step).length;
  const start = () => {
    page.schedules.play(session, edits, step);
    page.repaint();
  };
  return (
    <details class="schedule" data-testid="schedule">
      <summary>
        Schedule <span class="dim">{playing ? progressOf(playing) : `${count(done.length)} ${done.length === 1 ? "edit" : "edits"} of this run`}</span>
      </summary>
      <p class="dim">
        One edit a line: step, what, value. Sent when the step has come, while this page is open; <code>trainbus-train --schedule</code> takes the same file.
      </p>
      <textarea
        aria-label="Edits, one a line"
        data-testid="schedule-text"
        rows={Math.min(10, Math.max(3, text.split("\n").length))}
        spellcheck={false}
        placeholder={kExample}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <div class="control-row">
        <button class="small" data-testid="schedule-take" disabled={done.length === 0} onClick={() => setText(scheduleText(done))}>
          Take this run's edits
        </button>
        <button class="small" data-testid="schedule-save" disabled={edits.length === 0} onClick={() => download(`${watched.run}-${watched.trainer}-edits.txt`, new Blob([text], { type: "text/plain" }))}>
          Save as a file
        </button>
        <label class="button small">
          Open a file
          <input class="unseen" type="file" accept="text/*" data-testid="schedule-open" onChange={(event) => void event.currentTarget.files?.[0]?.text().then(setText)} />
        </label>
        {playing && !isOver(playing) ? (
          <button
            class="small"
            data-testid="schedule-stop"
            onClick={() => {
              page.schedules.stop(session);
              page.repaint();
            }}
          >
            End it
          </button>
        ) : (
          <button class="small primary" data-testid="schedule-play" disabled={reason !== "" || problems.length > 0 || edits.length === behind} onClick={start}>
            Play {count(edits.length - behind)} on this trainer
          </button>
        )}
        {behind > 0 && <span class="dim">{count(behind)} lie behind it</span>}
      </div>
      {problems.length > 0 && (
        <ul class="problem" data-testid="schedule-problems">
          {problems.slice(0, 5).map((problem) => (
            <li key={problem}>{problem}</li>
          ))}
        </ul>
      )}
      {playing && (
        <p class={playing.problem ? "problem" : "dim"} role="status" data-testid="schedule-state" data-sent={playing.next - playing.skipped}>
          {playing.problem || progressOf(playing)}
        </p>
      )}
    </details>
  );
}

function progressOf(playing: Playing): string {
  const { edits, next, skipped } = playing;
  const sent = `${count(next - skipped)} of ${count(edits.length - skipped)} edits sent`;
  const edit = edits[next];
  return playing.problem ? `ended after ${sent}` : edit ? `${sent}; next is ${editTitle(edit)} at step ${count(edit.step)}` : sent;
}
