// What can be done with the selected trainers at once: one confirmation, which names their number; each answers for
// itself.
import { useState } from "preact/hooks";
import { farOfSome, issueToAll, type BulkProgress } from "../bulk";
import { choicesOf, isEnded, knobTitle, valueProblem } from "../command";
import { compareHref, kMaxItems } from "../compare";
import { count } from "../format";
import type { Page } from "../page";
import { endedStates, parseTrainer, type CommandVerb, type Knob, type Trainer } from "../protocol";
import { apiOf, sessionId } from "../route";
import { fetchJson } from "../series_api";
import { noControl } from "../trainer_state";

interface Order {
  title: string;
  type: CommandVerb;
  needsValue: boolean;
  knob?: Knob; // that SET_KNOB sets, as the first of them says it
  history?: boolean; // done by the broker to the records of who has ended
}
const orders: Order[] = [
  { title: "Pause", type: "PAUSE_TRAINING", needsValue: false },
  { title: "Resume", type: "RESUME_TRAINING", needsValue: false },
  { title: "Stop", type: "STOP_TRAINING", needsValue: false },
  { title: "Set learning rate", type: "CHANGE_LEARNING_RATE", needsValue: true },
  { title: "Set batch size", type: "ADJUST_BATCH_SIZE", needsValue: true },
];
const historyOrders: Order[] = [
  { title: "Archive", type: "ARCHIVE_HISTORY", needsValue: false, history: true },
  { title: "Restore", type: "RESTORE_HISTORY", needsValue: false, history: true },
  { title: "Delete", type: "DELETE_HISTORY", needsValue: false, history: true },
];
const dangerous = ["STOP_TRAINING", "DELETE_HISTORY"];
// Of whom the broker does what is asked for to the history.
const withHistory = (trainers: Trainer[], { type }: Order): Trainer[] =>
  trainers.filter(({ state, archived, newest }) => newest && (endedStates.includes(state) || state === "DEAD") && (type === "DELETE_HISTORY" || archived === (type === "RESTORE_HISTORY")));

const kOwnOrder = ["learning_rate", "batch_size"]; // have one above
const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export function BulkBar({ page, selected, clear }: { page: Page; selected: Trainer[]; clear: () => void }) {
  const [order, setOrder] = useState<Order | null>(null);
  const [value, setValue] = useState("");
  const [progress, setProgress] = useState<BulkProgress | null>(null);
  const able = selected.filter((trainer) => noControl(trainer, page.state.link, page.state.brokerConnected) === "");
  const asked = order?.history ? withHistory(selected, order) : able;
  const number = `${count(asked.length)} ${asked.length === 1 ? "trainer" : "trainers"}`;
  const choices = order?.knob && choicesOf(order.knob);
  const problem = order?.needsValue && value !== "" && !choices ? valueProblem(order.type, value, order.knob) : "";
  const far = order?.needsValue && !problem ? farOfSome(asked, order.type, value) : "";
  const close = () => {
    setOrder(null);
    setValue("");
  };
  const run = ({ type, title, needsValue, knob }: Order) => {
    const sent = needsValue ? value : "";
    close();
    void issueToAll({ title, trainers: asked }, (trainer) => page.issue(trainer, type, sent, knob?.name), setProgress, wait);
  };
  if (selected.length === 0 && !progress) return null;
  return (
    <div class="bulk panel" role="region" aria-label="Selected trainers" data-testid="bulk" onKeyDown={(event) => event.key === "Escape" && close()}>
      {selected.length > 0 && (
        <>
          <b>{count(selected.length)} selected</b>
          {!order &&
            page.login.mayCommand &&
            orders.map((one) => (
              <button key={one.type} class={dangerous.includes(one.type) ? "small bad" : "small"} disabled={able.length === 0} data-testid={`bulk-${one.type}`} onClick={() => setOrder(one)}>
                {one.title}…
              </button>
            ))}
          {!order &&
            page.login.mayDelete &&
            historyOrders
              .filter((one) => withHistory(selected, one).length > 0)
              .map((one) => (
                <button key={one.type} class={dangerous.includes(one.type) ? "small bad" : "small"} data-testid={`bulk-${one.type}`} onClick={() => setOrder(one)}>
                  {one.title}…
                </button>
              ))}
          {!order && page.login.mayCommand && able.length > 0 && <KnobChoice trainers={able} choose={setOrder} />}
          {order && (
            <form
              class="bulk-form"
              onSubmit={(event) => {
                event.preventDefault();
                if (!order.needsValue || (value !== "" && problem === "")) run(order);
              }}
            >
              {choices && (
                <select aria-label={order.title} data-testid="bulk-value" value={value} onChange={(event) => setValue(event.currentTarget.value)}>
                  <option value="" />
                  {choices.map((choice) => (
                    <option key={choice} value={choice}>
                      {choice}
                    </option>
                  ))}
                </select>
              )}
              {order.needsValue && !choices && (
                <input
                  aria-label={order.title}
                  data-testid="bulk-value"
                  inputMode="decimal"
                  value={value}
                  ref={(input) => {
                    if (value === "") input?.focus();
                  }}
                  onInput={(event) => setValue(event.currentTarget.value)}
                />
              )}
              {far && (
                <span class="bad" role="alert" data-testid="bulk-far">
                  {far}
                </span>
              )}
              <button class={dangerous.includes(order.type) || far ? "danger" : "primary"} type="submit" data-testid="bulk-confirm" disabled={order.needsValue && (value === "" || problem !== "")}>
                {order.title} {order.needsValue && `to ${value || "…"} of `}
                {number}
                {dangerous.includes(order.type) && " for good"}
              </button>
              <button type="button" onClick={close}>
                Cancel
              </button>
              {asked.length < selected.length && <span class="dim">{count(selected.length - asked.length)} cannot be asked now</span>}
              {problem && <span class="bad">{problem}</span>}
            </form>
          )}
          <a class="button small" data-testid="compare-selected" href={compareHref(selected)}>
            Compare{selected.length > kMaxItems && ` the first ${kMaxItems}`}
          </a>
          <button class="small" onClick={clear}>
            Select none
          </button>
        </>
      )}
      {progress && <Outcome page={page} progress={progress} close={() => setProgress(null)} />}
    </div>
  );
}

const kAskedForKnobs = 20; // trainers; others offer the same, or refuse

// Any knob that one of them offers; what another does not offer, it refuses.
function KnobChoice({ trainers, choose }: { trainers: Trainer[]; choose: (order: Order) => void }) {
  const [knobs, setKnobs] = useState<Knob[] | null>(null);
  const load = async () => {
    if (knobs) return;
    setKnobs([]);
    const asked = trainers.slice(0, kAskedForKnobs).map((trainer) => fetchJson(apiOf(trainer)).then(parseTrainer, () => null));
    const offered = (await Promise.all(asked)).flatMap((trainer) => trainer?.plan?.knobs ?? []);
    setKnobs([...new Map(offered.map((knob) => [knob.name, knob])).values()].filter(({ name }) => !kOwnOrder.includes(name)));
  };
  return (
    <select
      class="small"
      aria-label="Set a knob"
      data-testid="bulk-knob"
      value=""
      onFocus={() => void load()}
      onPointerEnter={() => void load()}
      onChange={(event) => {
        const knob = knobs?.find(({ name }) => name === event.currentTarget.value);
        if (knob) choose({ title: knob.type === "action" ? knobTitle(knob.name) : `Set ${knobTitle(knob.name)}`, type: "SET_KNOB", needsValue: knob.type !== "action", knob });
      }}
    >
      <option value="">{knobs === null ? "Set a knob…" : knobs.length === 0 ? "no other knobs" : "Set a knob…"}</option>
      {knobs?.map(({ name }) => (
        <option key={name} value={name}>
          {knobTitle(name)}
        </option>
      ))}
    </select>
  );
}

function Outcome({ page, progress, close }: { page: Page; progress: BulkProgress; close: () => void }) {
  const commands = progress.commands.flatMap((id) => page.state.commands.get(id) ?? []);
  const ended = commands.filter(({ state }) => isEnded(state));
  const applied = ended.filter(({ state }) => state === "APPLIED").length;
  const failed = ended.filter(({ state }) => state !== "APPLIED");
  const asked = progress.commands.length + progress.refused.length;
  return (
    <div class="bulk-outcome" role="status" data-testid="bulk-outcome">
      <span>
        <b>{progress.title}</b>: {progress.done ? "" : `${count(asked)} of ${count(progress.trainers.length)} asked, `}
        {count(applied)} applied
        {failed.length > 0 && <span class="bad">, {count(failed.length)} not applied</span>}
        {progress.refused.length > 0 && <span class="bad">, {count(progress.refused.length)} refused</span>}
        {ended.length < progress.commands.length && `, ${count(progress.commands.length - ended.length)} under way`}
      </span>
      {(failed.length > 0 || progress.refused.length > 0) && (
        <details>
          <summary>why</summary>
          <ul>
            {failed.map((command) => (
              <li key={command.command_id}>
                {sessionId(command)}: {command.state} {command.reason}
              </li>
            ))}
            {progress.refused.map(({ session, why }) => (
              <li key={session}>
                {session}: {why}
              </li>
            ))}
          </ul>
        </details>
      )}
      <button class="small" aria-label="Close" onClick={close}>
        ×
      </button>
    </div>
  );
}
