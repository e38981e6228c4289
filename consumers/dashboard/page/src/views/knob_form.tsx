// What a trainer lets people change or ask for, each knob drawn by its type. What was typed stays until the trainer has
// applied it, so that a refused value can be corrected.
import { useEffect, useState } from "preact/hooks";
import { commandName, farQuestion, knobTitle, valueProblem } from "../command";
import { number } from "../format";
import type { Page } from "../page";
import type { CommandEvent, CommandVerb, Knob } from "../protocol";

export interface Target {
  page: Page;
  disabled: boolean;
  // null: it was not sent, and the reason is on screen.
  issue: (type: CommandVerb, value: string, knob?: string) => Promise<CommandEvent | null>;
}

export function KnobForm({ knob, ...target }: Target & { knob: Knob }) {
  const set = (value: string) => void target.issue("SET_KNOB", value, knob.name);
  const title = knobTitle(knob.name);
  const id = `knob-${knob.name}`;
  switch (knob.type) {
    case "action":
      return (
        <button data-testid={id} disabled={target.disabled} title={knob.help || undefined} onClick={() => set("")}>
          {title}
        </button>
      );
    case "switch":
      return (
        <span class="control-row" title={knob.help || undefined}>
          <label for={id}>{title}</label>
          <button id={id} data-testid={id} class="switch" role="switch" aria-checked={knob.value === "on"} disabled={target.disabled} onClick={() => set(knob.value === "on" ? "off" : "on")}>
            <i aria-hidden="true" />
            {knob.value || "–"}
          </button>
        </span>
      );
    case "choice":
      return (
        <span class="control-row" title={knob.help || undefined}>
          <label for={id}>{title}</label>
          <select id={id} data-testid={id} disabled={target.disabled} value={knob.value} onChange={(event) => set(event.currentTarget.value)}>
            {!knob.choices.includes(knob.value) && <option value={knob.value}>{knob.value || "–"}</option>}
            {knob.choices.map((choice) => (
              <option key={choice} value={choice}>
                {choice}
              </option>
            ))}
          </select>
        </span>
      );
    default:
      return <NumberForm {...target} id={id} label={title} type="SET_KNOB" knob={knob} current={knob.value} />;
  }
}

// "0..0.1", "at least 1", "at most 10"; with the unit.
export function rangeOf({ min, max, unit }: Pick<Knob, "min" | "max" | "unit">): string {
  const range =
    min !== null && max !== null ? `${number(min)}..${number(max)}` : min !== null ? `at least ${number(min)}` : max !== null ? `at most ${number(max)}` : "";
  return [range, unit].filter(Boolean).join(" ");
}

export function cancelOnEscape(event: KeyboardEvent, cancel: () => void): void {
  if (event.key !== "Escape") return;
  event.preventDefault(); // of nothing else
  cancel();
}

interface NumberFormProps extends Target {
  id: string;
  label: string;
  type: CommandVerb;
  knob?: Knob; // what the trainer says of it
  current: string;
}

export function NumberForm({ page, id, label, type, knob, current, disabled, issue }: NumberFormProps) {
  const hint = knob && rangeOf(knob);
  const setKnob = type === "SET_KNOB" ? knob?.name : undefined;
  const [text, setText] = useState("");
  const [asked, setAsked] = useState(false);
  const [question, setQuestion] = useState("");
  const [sent, setSent] = useState({ id: "", text: "" });
  const problem = asked || text !== "" ? valueProblem(type, text, knob) : "";
  const state = page.state.commands.get(sent.id)?.state;
  useEffect(() => {
    if (state !== "APPLIED") return;
    if (text === sent.text) setText("");
    setSent({ id: "", text: "" });
    setAsked(false);
  }, [state]);
  const send = () => {
    setQuestion("");
    void issue(type, text, setKnob).then((command) => setSent({ id: command?.command_id ?? "", text }));
  };
  const cancel = () => {
    setQuestion("");
    setText("");
    setAsked(false);
  };
  return (
    <form
      class="control-row"
      noValidate
      title={knob?.help || undefined}
      onSubmit={(event) => {
        event.preventDefault();
        setAsked(true);
        if (valueProblem(type, text, knob)) return;
        const far = farQuestion(current, text);
        if (far && question === "") setQuestion(far);
        else send();
      }}
      onKeyDown={(event) => (question || text) && cancelOnEscape(event, cancel)}
    >
      <label for={`${id}-input`}>{label}</label>
      <span class="field">
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
            setQuestion("");
            setAsked(false);
          }}
        />
        {hint && <small class="dim">{hint}</small>}
      </span>
      <button type="submit" data-testid={`${id}-apply`} disabled={disabled} aria-label={`Apply ${label || commandName[type]}`}>
        Apply
      </button>
      {question && (
        <p class="question" role="alert" data-testid={`${id}-question`}>
          {question}.
          <button type="button" class="small danger" data-testid={`${id}-sure`} ref={(button) => button?.focus()} onClick={send}>
            Set it
          </button>
          <button type="button" class="small" onClick={cancel}>
            Cancel
          </button>
        </p>
      )}
      {problem && (
        <p class="problem" id={`${id}-problem`} data-testid={`${id}-problem`}>
          {problem}
        </p>
      )}
    </form>
  );
}
