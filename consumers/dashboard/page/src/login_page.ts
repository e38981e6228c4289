// The login page: says who asks, and then loads the page that was asked for.
import { applyTheme, onSystemTheme } from "./theme";

applyTheme();
onSystemTheme(applyTheme);
addEventListener("DOMContentLoaded", () => {
  const problem = document.getElementById("problem")!;

  async function logIn(form: HTMLFormElement): Promise<void> {
    const button = form.querySelector("button")!;
    problem.textContent = "";
    button.disabled = true;
    try {
      const response = await fetch("api/login", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(Object.fromEntries(new FormData(form))),
      });
      if (response.ok) return location.reload();
      const answer: { error?: string } = await response.json().catch(() => ({}));
      const wait = response.headers.get("Retry-After");
      problem.textContent = (answer.error ?? `the server answered ${response.status}`) + (wait ? `, try again in ${wait} s` : "");
    } catch {
      problem.textContent = "the server does not answer";
    }
    button.disabled = false;
  }

  for (const form of document.querySelectorAll("form"))
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void logIn(form);
    });
  if (location.hash === "#link-refused") {
    history.replaceState(null, "", location.pathname);
    problem.textContent = "this address was used already, or is too old";
  }
});
