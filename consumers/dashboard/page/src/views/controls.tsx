// Control of one trainer, and what became of each command.
import { useState } from "preact/hooks";
import { commandName, isEnded, valueProblem, type Command } from "../command";
import { count, number } from "../format";
import type { Page } from "../page";
import type { CommandVerb, Trainer } from "../protocol";

const kShowEndedMs = 15_000;

export function Controls({ page, trainer }: { page: Page; trainer: Trainer }) {
  const [problem, setProblem] = useState("");
  const [confirming, setConfirming] = useState(false);
  const ended = ["COMPLETED", "FAILED", "DEAD"].includes(trainer.state);
  const disabled = ended || page.state.link !== "open";
  const paused = trainer.state === "PAUSED";

  async function issue(type: CommandVerb, value = ""): Promise<void> {
    setProblem("");
    setConfirming(false);
    try {
      await page.issue(trainer, type, value);
    } catch (error) {
      setProblem(`${commandName[type]} was not sent: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  return (
    <section class="panel controls" aria-label="Control">
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
          <span class="confirm" role="group" aria-label="Stop for good?">
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
      <ValueForm id="lr" label="Learning rate" type="CHANGE_LEARNING_RATE" current={number(trainer.learning_rate)} disabled={disabled} issue={issue} />
      <ValueForm id="batch" label="Batch size" type="ADJUST_BATCH_SIZE" current={number(trainer.batch_size)} disabled={disabled} issue={issue} />
      {ended && <span class="dim">no control: the trainer is {trainer.state}</span>}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <CommandStates page={page} trainer={trainer} />
    </section>
  );
}

interface ValueFormProps {
  id: "lr" | "batch";
  label: string;
  type: CommandVerb;
  current: string;
  disabled: boolean;
  issue: (type: CommandVerb, value: string) => Promise<void>;
}

function ValueForm({ id, label, type, current, disabled, issue }: ValueFormProps) {
  const [text, setText] = useState("");
  const [asked, setAsked] = useState(false);
  const problem = asked || text !== "" ? valueProblem(type, text) : "";
  return (
    <form
      class="control-row"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setAsked(true);
        if (valueProblem(type, text)) return;
        void issue(type, text);
        setText("");
        setAsked(false);
      }}
    >
      <label for={`${id}-input`}>{label}</label>
      <input
        id={`${id}-input`}
        data-testid={`${id}-input`}
        type="text"
        inputMode="decimal"
        autocomplete="off"
        placeholder={current}
        value={text}
        disabled={disabled}
        aria-invalid={problem !== ""}
        aria-describedby={problem ? `${id}-problem` : undefined}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAsked(false);
        }}
      />
      <button type="submit" data-testid={`${id}-apply`} disabled={disabled}>
        Apply
      </button>
      {problem && (
        <p class="problem" id={`${id}-problem`} data-testid={`${id}-problem`}>
          {problem}
        </p>
      )}
    </form>
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
            {commandName[command.type]} {command.value && <b>{command.value}</b>}
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
  const change = command.old_value !== "" && command.old_value !== command.new_value ? `, ${command.old_value} → ${command.new_value}` : "";
  return `at step ${count(command.step)}${change}`;
}
