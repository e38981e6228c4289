import type { Page } from "../page";
import { Banner } from "./banner";
import { ComparePage } from "./compare";
import { Overview } from "./overview";
import { TopBar } from "./top_bar";
import { TrainerPage } from "./trainer";

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
          <TrainerPage key={`${state.watched.run}/${state.watched.trainer}`} page={page} watched={state.watched} />
        ) : state.route.page === "compare" ? (
          <ComparePage page={page} />
        ) : (
          <Overview page={page} />
        )}
      </main>
    </div>
  );
}
