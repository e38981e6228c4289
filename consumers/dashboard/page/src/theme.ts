// Light or dark: the system's choice unless the user chose. Colours that a canvas needs are read from the style sheet.
import { readStored, store } from "./storage";
import type { TileColours } from "./tiles/messages";

export type Theme = "light" | "dark";
const kKey = "trainbus-theme";
const darkSystem = (): MediaQueryList => matchMedia("(prefers-color-scheme: dark)");

function stored(): Theme | null {
  const value = readStored(kKey);
  return value === "light" || value === "dark" ? value : null;
}

export const currentTheme = (): Theme => stored() ?? (darkSystem().matches ? "dark" : "light");

export function applyTheme(): void {
  document.documentElement.dataset.theme = currentTheme();
}

export function toggleTheme(): void {
  store(kKey, currentTheme() === "dark" ? "light" : "dark");
  applyTheme();
}

export function onSystemTheme(changed: () => void): void {
  darkSystem().addEventListener("change", changed);
}

export function cssColour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export function tileColours(): TileColours {
  return {
    right: cssColour("right"),
    wrong: cssColour("wrong"),
    unknown: cssColour("faint"),
    text: cssColour("text"),
    muted: cssColour("muted"),
    surface: cssColour("sunken"),
  };
}
