// Who looks at this page, as the server knows them.
export interface Login {
  user: string; // "": nobody is asked
  mayCommand: boolean;
  mayDelete: boolean; // and archive
}

// Until the server has said.
export const unknownLogin: Login = { user: "", mayCommand: false, mayDelete: false };

export function parseLogin(answer: unknown): Login | null {
  const { user, role } = (answer ?? {}) as Record<string, unknown>;
  return typeof user === "string" && typeof role === "string" ? { user, mayCommand: role === "operator" || role === "admin", mayDelete: role === "admin" } : null;
}

// null: not known. Where the login is over, the server has another page in this one's place: the one that asks.
export async function readLogin(): Promise<Login | null> {
  const response = await fetch("api/session").catch(() => null);
  if (response?.status === 401) location.reload();
  return response?.ok ? parseLogin(await response.json().catch(() => null)) : null;
}

export async function logOut(): Promise<void> {
  await fetch("api/logout", { method: "POST" }).catch(() => null);
  location.reload();
}
