// The keys, and which version this is.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Page } from "../page";
import { Costs } from "./ledger_panel";

const keys: [string, string][] = [
  ["?", "this help"],
  ["/", "to the search"],
  ["g", "to the list of all trainers"],
  ["Esc", "all of the charts again; then ends the full screen"],
  ["← →", "on a chart: from value to value; with Shift: pan"],
  ["+ −", "on a chart: zoom"],
  ["Backspace", "on a chart: the range before"],
  ["wheel", "with Ctrl: zoom x; with Alt: zoom y; with Shift: pan. Without a key on a chart that was clicked"],
  ["drag", "a range of x, of y or of both; with Shift: pan"],
  ["← → ↑ ↓", "on an enlarged tile: other tiles, other batches"],
];

const isTyping = (target: EventTarget | null): boolean => target instanceof HTMLInputElement || target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement;

export function Help({ page }: { page: Page }) {
  const [open, setOpen] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "?") setOpen(true);
      else if (event.key === "/") document.querySelector<HTMLInputElement>("main input[type=search]")?.focus();
      else if (event.key === "g") location.hash = "#/";
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  useEffect(() => {
    if (open) dialog.current?.showModal();
  }, [open]);
  return (
    <>
      <button class="icon" aria-label="Help" title="Help (?)" data-testid="help" onClick={() => setOpen(true)}>
        ?
      </button>
      {open && (
        <dialog ref={dialog} class="help-dialog panel" aria-label="Help" data-testid="help-dialog" onClose={() => setOpen(false)} onClick={(event) => event.target === dialog.current && dialog.current?.close()}>
          <header role="none">
            <h2>Keys</h2>
            <button class="small" onClick={() => dialog.current?.close()}>
              close
            </button>
          </header>
          <dl>
            {keys.map(([key, meaning]) => (
              <div key={key + meaning}>
                <dt>
                  <kbd>{key}</kbd>
                </dt>
                <dd>{meaning}</dd>
              </div>
            ))}
          </dl>
          <h2>What this page costs</h2>
          <Costs page={page} />
          <p class="dim">
            trainbus {page.state.version || "(version not known yet)"}
            {page.state.broker && `, broker ${page.state.broker}`}
          </p>
        </dialog>
      )}
    </>
  );
}
