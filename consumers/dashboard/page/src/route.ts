// The address after '#': which page is shown.
export interface Session {
  run: string;
  trainer: string;
}
export type Route = { page: "overview" } | ({ page: "trainer" } & Session);

const kName = /^[A-Za-z0-9._-]{1,64}$/;

export function parseRoute(hash: string): Route {
  const [, page, run = "", trainer = "", ...rest] = hash.replace(/^#/, "").split("/");
  if (page === "trainer" && kName.test(run) && kName.test(trainer) && rest.length === 0) return { page, run, trainer };
  return { page: "overview" };
}

export const trainerHref = ({ run, trainer }: Session): string => `#/trainer/${run}/${trainer}`;
export const overviewHref = "#/";
export const sessionId = ({ run, trainer }: Session): string => `${run}/${trainer}`;
