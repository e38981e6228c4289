import { count } from "../format";
import { logOut } from "../login";
import type { Page } from "../page";
import { overviewHref } from "../route";
import { AlertBell } from "./alert_bell";
import { Help } from "./help";

export function TopBar({ page }: { page: Page }) {
  const { state, theme } = page;
  const away = state.link === "open" && state.listed && !state.brokerConnected;
  const link = away ? "no broker" : { open: "connected", connecting: "connecting", lost: "disconnected" }[state.link];
  return (
    <header class="top-bar">
      <a class="brand" href={overviewHref} aria-label="trainbus">
        <img src="favicon.svg" width="20" height="20" alt="" />
        <span>trainbus</span>
      </a>
      {/\/at\/[^/]+\/$/.test(location.pathname) && (
        <nav class="crumbs" aria-label="Sites">
          <a href="../../">all sites</a>
        </nav>
      )}
      {state.route.page !== "overview" && (
        <nav class="crumbs" aria-label="Breadcrumb">
          <a href={overviewHref}>all trainers</a>
        </nav>
      )}
      <span class="spacer" />
      {state.rejectedTotal > 0 && (
        <span class="counter warn" title="messages from the bus that were not valid">
          {count(state.rejectedTotal)} rejected
        </span>
      )}
      <span class="counter" title="kept records since the dashboard started">
        {state.listed ? `${count(state.recordsTotal)} records` : ""}
      </span>
      <span class={`link link-${away ? "away" : state.link}`} data-testid="link" title={state.broker ? `broker ${state.broker}` : undefined}>
        <i aria-hidden="true" />
        <span class="link-word">{link}</span>
      </span>
      <AlertBell page={page} />
      <Help page={page} />
      <button class="icon" onClick={page.toggleTheme} aria-label={theme === "dark" ? "Light theme" : "Dark theme"} title="Light or dark">
        {theme === "dark" ? "☀" : "☾"}
      </button>
      {page.login.user !== "" && (
        <button class="small" data-testid="log-out" title={page.login.mayCommand ? "may command" : "may only look"} onClick={() => void logOut()}>
          <span class="user-word">
            {page.login.user} {!page.login.mayCommand && <span class="dim">(looks only)</span>} ·{" "}
          </span>
          log out
        </button>
      )}
    </header>
  );
}
