// The commands of the buttons above, for a shell or a script.
import { useState } from "preact/hooks";
import { snippetsOf } from "../copy_as";
import { copyText } from "../download";
import type { Page } from "../page";
import type { Trainer } from "../protocol";

export function CopyAs({ page, trainer }: { page: Page; trainer: Trainer }) {
  const [said, setSaid] = useState("");
  const origin = location.href.replace(/[?#].*$/, "").replace(/\/$/, "");
  const copy = async (title: string, text: string) => {
    setSaid((await copyText(text)) ? `copied for ${title}` : "this browser lets no page of this address copy");
    setTimeout(() => setSaid(""), 2500);
  };
  return (
    <div class="control-row copy-as" data-testid="copy-as">
      <span class="dim">Copy as</span>
      {snippetsOf(trainer, page.state.trainers.values(), page.state.broker, origin, page.login.user !== "").map(({ title, text }) => (
        <button key={title} class="small" title={text} onClick={() => void copy(title, text)}>
          {title}
        </button>
      ))}
      <span role="status" class="dim">
        {said}
      </span>
    </div>
  );
}
