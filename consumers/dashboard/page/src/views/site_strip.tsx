// The sites whose trainers are in the list, and how each is.
import { count } from "../format";
import type { Page } from "../page";

export function SiteStrip({ page }: { page: Page }) {
  const { sites } = page;
  if (sites.length < 2) return null;
  const trainers = [...page.state.trainers.values()];
  return (
    <ul class="site-strip" aria-label="Sites" data-testid="sites">
      {sites.map(({ name, base, broker, link, brokerConnected }) => {
        const state = link === "lost" ? "no connection to the dashboard" : brokerConnected ? "connected" : "its broker is away";
        const mine = trainers.filter((trainer) => (trainer.base ?? "") === base).length;
        return (
          <li key={name} data-site={name} data-state={state} title={broker}>
            <i class={link !== "lost" && brokerConnected ? "good" : "bad"} aria-hidden="true" />
            <a href={base || "#/"}>{name}</a> <span class={state === "connected" ? "dim" : "bad"}>{state}</span> <span class="dim">{count(mine)} trainers</span>
          </li>
        );
      })}
    </ul>
  );
}
