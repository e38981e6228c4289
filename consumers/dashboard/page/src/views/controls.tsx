// Control of one trainer, and what became of each command.
import { useEffect, useState } from "preact/hooks";
import { commandName, commandTitle, isEnded, knobTitle, type Command } from "../command";
import { count, number } from "../format";
import type { Page } from "../page";
import { endedStates, type CommandEvent, type CommandVerb, type Knob, type Trainer } from "../protocol";
import type { Watched } from "../state";
import { namesakes, noControl, shortIncarnation, shownState, trainerKey } from "../trainer_state";
import { CopyAs } from "./copy_as";
import { SchedulePanel } from "./schedule_panel";
import { cancelOnEscape, KnobForm, NumberForm } from "./knob_form";

const kShowEndedMs = 15_000;

// The two that have commands of their own.
const kBuiltIn = ["learning_rate", "batch_size"];

export function Controls({ page, watched, trainer: shown }: { page: Page; watched: Watched; trainer: Trainer }) {
  const [chosen, setChosen] = useState("");
  const twins = namesakes(watched, page.state.trainers.values());
  const trainer = twins.find((one) => trainerKey(one) === chosen) ?? shown;
  const [problem, setProblem] = useProblem(page);
  const [confirming, setConfirming] = useState(false);
  const reason = noControl(trainer, page.state.link, page.state.brokerConnected);
  const disabled = reason !== "";
  const state = shownState(trainer, page.state.commands.values(), page.now);
  const paused = state === "PAUSED" || state === "RESUMING";

  const knobs = watched.plan?.knobs ?? [];
  // A trainer that says nothing of its knobs may still take these two.
  const said = (name: string) => knobs.find((knob) => knob.name === name);
  const offers = (name: string) => knobs.length === 0 || said(name) !== undefined;
  const knobOf = (name: string) => ({ ...(said(name) && { knob: said(name)! }) });
  const own = knobs.filter(({ name }) => !kBuiltIn.includes(name));

  async function issue(type: CommandVerb, value = "", knob?: string): Promise<CommandEvent | null> {
    setProblem("");
    setConfirming(false);
    try {
      return await page.issue(trainer, type, value, knob);
    } catch (error) {
      const what = knob === undefined ? commandName[type] : knobTitle(knob);
      setProblem(`${what} was not sent: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }
  const target = { page, disabled, issue };
  const foot = (
    <div class="controls-foot">
      <SchedulePanel page={page} watched={watched} trainer={trainer} />
      <CopyAs page={page} trainer={trainer} />
    </div>
  );
  const over = endedStates.includes(trainer.state) || trainer.state === "DEAD";
  if (over && twins.length < 2) {
    return (
      <section class="panel controls" aria-label="Control">
        <span class="dim" data-testid="no-control">
          {reason}
        </span>
        {foot}
        <CommandStates page={page} trainer={trainer} />
      </section>
    );
  }

  return (
    <section class="panel controls" aria-label="Control">
      {twins.length > 1 && <Which twins={twins} chosen={trainer} choose={setChosen} />}
      <div class="control-row">
        {paused ? (
          <button class="primary" data-testid="resume" disabled={disabled} onClick={() => void issue("RESUME_TRAINING")}>
            ▶ Resume
          </button>
        ) : (
          <button data-testid="pause" disabled={disabled} onClick={() => void issue("PAUSE_TRAINING")}>
            ❚❚ Pause
          </button>
        )}
        {confirming && !disabled ? (
          <span class="confirm" role="group" aria-label="Stop for good?" onKeyDown={(event) => cancelOnEscape(event, () => setConfirming(false))}>
            <button class="danger" data-testid="stop-confirm" ref={(button) => button?.focus()} onClick={() => void issue("STOP_TRAINING")}>
              Stop for good
            </button>
            <button data-testid="stop-cancel" onClick={() => setConfirming(false)}>
              Cancel
            </button>
          </span>
        ) : (
          <button data-testid="stop" disabled={disabled} onClick={() => setConfirming(true)}>
            ■ Stop…
          </button>
        )}
      </div>
      {offers("learning_rate") && (
        <NumberForm {...target} id="lr" label="Learning rate" type="CHANGE_LEARNING_RATE" {...knobOf("learning_rate")} current={exact(trainer.learning_rate)} />
      )}
      {offers("batch_size") && <NumberForm {...target} id="batch" label="Batch size" type="ADJUST_BATCH_SIZE" {...knobOf("batch_size")} current={exact(trainer.batch_size)} />}
      {reason && (
        <span class="dim" data-testid="no-control">
          {reason}
        </span>
      )}
      {foot}
      {own.length > 0 && <Knobs knobs={own} target={target} />}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <CommandStates page={page} trainer={trainer} />
    </section>
  );
}

// Several trainers of one name: a command is for one of them.
function Which({ twins, chosen, choose }: { twins: Trainer[]; chosen: Trainer; choose: (key: string) => void }) {
  return (
    <label class="control-row" data-testid="which">
      <span>Incarnation</span>
      <select value={trainerKey(chosen)} onChange={(event) => choose(event.currentTarget.value)}>
        {twins.map((one) => (
          <option key={trainerKey(one)} value={trainerKey(one)}>
            @{shortIncarnation(one.incarnation)} {one.newest ? "(newest)" : ""} {one.state}
          </option>
        ))}
      </select>
    </label>
  );
}

// As one would type it.
const exact = (value: number | null): string => (value === null || !Number.isFinite(value) ? number(value) : String(Number(value.toPrecision(8))));

const kProblemMs = 12_000;

// A problem goes when it is over: the connection or the broker is back, or it was on screen long enough to be read.
function useProblem(page: Page): [string, (text: string) => void] {
  const [problem, setProblem] = useState({ text: "", at: 0 });
  const { link, brokerConnected } = page.state;
  useEffect(() => setProblem({ text: "", at: 0 }), [link, brokerConnected]);
  const shown = page.now - problem.at < kProblemMs ? problem.text : "";
  return [shown, (text) => setProblem({ text, at: Date.now() })];
}

// Numbers first, then what is chosen, then what is asked for.
function Knobs({ knobs, target }: { knobs: readonly Knob[]; target: Omit<Parameters<typeof KnobForm>[0], "knob"> }) {
  const order = ["number", "integer", "choice", "switch", "action"];
  const sorted = [...knobs].sort((a, b) => order.indexOf(a.type) - order.indexOf(b.type));
  return (
    <div class="knobs" role="group" aria-label="Knobs of this trainer" data-testid="knobs">
      {sorted.map((knob) => (
        <KnobForm key={knob.name} knob={knob} {...target} />
      ))}
    </div>
  );
}

function CommandStates({ page, trainer }: { page: Page; trainer: Trainer }) {
  const shown = [...page.state.commands.values()]
    .filter((command) => command.run === trainer.run && command.trainer === trainer.trainer)
    .filter((command) => !isEnded(command.state) || page.now - command.endedAt < kShowEndedMs)
    .reverse();
  return (
    <ul class="command-states" data-testid="command-status" aria-live="polite">
      {shown.map((command) => (
        <li key={command.command_id} class={`command-${command.state.toLowerCase()}`} data-state={command.state} data-type={command.type}>
          <span>
            {commandTitle(command)} {command.value && <b>{command.value}</b>}
          </span>
          <Steps command={command} />
          <span class="outcome">{outcome(command)}</span>
        </li>
      ))}
    </ul>
  );
}

function Steps({ command }: { command: Command }) {
  const way = ["ISSUED", "ACCEPTED", "DELIVERED"] as const;
  const reached = way.findIndex((phase) => phase === command.state);
  const ended = isEnded(command.state);
  return (
    <span class="steps">
      {way.map((phase, i) => (
        <i key={phase} class={command.state === "APPLIED" || i <= reached ? "done" : ""} title={phase} />
      ))}
      <i class={ended ? "end" : ""} />
      <b>{command.state}</b>
    </span>
  );
}

export function outcome(command: Pick<Command, "state" | "step" | "old_value" | "new_value" | "reason">): string {
  if (command.state !== "APPLIED") return command.reason;
  // An action has no old value; its new one says what came of it.
  const said = command.old_value === "" ? command.new_value : `${command.old_value} → ${command.new_value}`;
  const change = said !== "" && command.old_value !== command.new_value ? `, ${said}` : "";
  return `at step ${count(command.step)}${change}`;
}
