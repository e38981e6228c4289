import type { Page } from "../page";
import { Banner } from "./banner";
import { whenOpened } from "./opened";
import { Overview } from "./overview";
import { TopBar } from "./top_bar";

const trainerPage = whenOpened(() => import("./trainer").then(({ TrainerPage }) => TrainerPage));
const comparePage = whenOpened(() => import("./compare").then(({ ComparePage }) => ComparePage));

// What the route shows, else all: so that a click is answered at once.
export function loadViews(page: "trainer" | "compare" | "all"): void {
  if (page !== "compare") trainerPage.load();
  if (page !== "trainer") comparePage.load();
}

export function App({ page }: { page: Page }) {
  const { state } = page;
  return (
    <div class={state.link === "lost" ? "app stale" : "app"} data-testid="app" data-link={state.link}>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>
        Skip to content
      </a>
      <TopBar page={page} />
      <Banner page={page} />
      <main id="main" tabIndex={-1}>
        {state.route.page === "trainer" && state.watched ? (
          <trainerPage.View key={`${state.watched.run}/${state.watched.trainer}`} page={page} watched={state.watched} />
        ) : state.route.page === "compare" ? (
          <comparePage.View page={page} />
        ) : (
          <Overview page={page} />
        )}
      </main>
    </div>
  );
}
