// The address after '#': which page is shown, and, after '?', how.
export interface Session {
  run: string;
  trainer: string;
  base?: string; // of the address of another site; absent: this page's own
}
export type Route = { page: "overview" | "compare" } | ({ page: "trainer" } & Session);

const kName = /^(?!\.+$)[A-Za-z0-9._-]{1,64}$/;

export function parseRoute(hash: string): Route {
  const [path = ""] = hash.replace(/^#/, "").split("?", 1);
  const [, page, run = "", trainer = "", ...rest] = path.split("/");
  if (page === "trainer" && kName.test(run) && kName.test(trainer) && rest.length === 0) return { page, run, trainer };
  if (page === "compare") return { page };
  return { page: "overview" };
}

export function parseParams(hash: string): URLSearchParams {
  const at = hash.indexOf("?");
  return new URLSearchParams(at < 0 ? "" : hash.slice(at + 1));
}

export function hashOf(route: Route, params: URLSearchParams): string {
  const text = params.toString();
  const path = route.page === "trainer" ? trainerHref(route) : route.page === "compare" ? "#/compare" : overviewHref;
  return path + (text && `?${text}`);
}

export const trainerHref = ({ base = "", run, trainer }: Session): string => `${base}#/trainer/${run}/${trainer}`;
export const overviewHref = "#/";
// Of the server, for what is asked of a trainer.
export const apiOf = ({ base = "", run, trainer }: Session): string => `${base}api/trainers/${run}/${trainer}`;
// Also apart from those of other sites.
export const siteKey = (session: Session): string => (session.base ?? "") + sessionId(session);
export const sessionId = ({ run, trainer }: Session): string => `${run}/${trainer}`;
