// What stays with the user in this browser. Storage may be forbidden or full: then a choice lasts as long as the page.
const forPage = new Map<string, string>();

export function readStored(key: string): string {
  try {
    return localStorage.getItem(key) ?? forPage.get(key) ?? "";
  } catch {
    return forPage.get(key) ?? "";
  }
}

export function store(key: string, value: string): void {
  forPage.set(key, value);
  try {
    localStorage.setItem(key, value);
  } catch {
    // It stays for the page.
  }
}
