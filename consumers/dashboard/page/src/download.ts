// Gives the user a file, or a text to paste.
export function download(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// False: this browser lets no page of this address do that. Over plain HTTP there is no clipboard but the one of a
// selection.
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelection(text);
  }
}

function copySelection(text: string): boolean {
  const { activeElement } = document;
  const box = document.createElement("textarea");
  box.className = "unseen";
  box.value = text;
  (activeElement?.closest("dialog") ?? document.body).append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  if (activeElement instanceof HTMLElement) activeElement.focus();
  return done;
}
