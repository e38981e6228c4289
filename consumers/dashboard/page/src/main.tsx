// Wires the page: socket -> state -> one paint per animation frame.
import { options, render } from "preact";
import { issueCommand } from "./command";
import { LiveSocket } from "./live_socket";
import { fetchMediaList } from "./media_api";
import type { Page } from "./page";
import { parseRecord, parseServerText, type Axis } from "./protocol";
import { parseRoute, sessionId } from "./route";
import { fetchSeries } from "./series_api";
import { applyCommand, applyMessage, applyRecord, newState, newWatched } from "./state";
import { applyTheme, currentTheme, onSystemTheme, toggleTheme } from "./theme";
import { TileView } from "./tiles/tile_view";
import { App } from "./views/app";

const kPaintEveryMs = 100; // for what arrives by itself; what the user does is painted with the next frame
const kTickMs = 500; // ages count on
const kMaxPoints = 2000;
const kMaxZoomed = 100; // curves that are fetched again for a zoom; further ones keep their coarse points

const socketUrl = new URL("ws", location.href.replace(/^http/, "ws").replace(/[?#].*$/, "")).href;
const root = document.getElementById("app")!;
const state = newState(parseRoute(location.hash));
let tileView: TileView | null = null;
let paintedAt = 0;
let paintTimer: ReturnType<typeof setTimeout> | undefined;
let paintAsked = false;

options.debounceRendering = requestAnimationFrame;

const page: Page = {
  state,
  theme: currentTheme(),
  now: Date.now(),
  tiles: () => (tileView ??= new TileView(socketUrl, dataArrived)),
  zoom: { step: null, epoch: null },
  setZoom,
  async issue(session, type, value, knob) {
    const event = await issueCommand(session, type, value, knob);
    applyCommand(state, event, Date.now());
    repaint();
    return event;
  },
  toggleTheme() {
    toggleTheme();
    themeChanged();
  },
  repaint,
};

function repaint(): void {
  if (paintAsked) return;
  paintAsked = true;
  clearTimeout(paintTimer);
  paintTimer = undefined;
  requestAnimationFrame(() => {
    paintAsked = false;
    page.now = paintedAt = Date.now();
    render(<App page={{ ...page }} />, root);
  });
}

function dataArrived(): void {
  if (paintAsked || paintTimer) return;
  paintTimer = setTimeout(repaint, Math.max(0, paintedAt + kPaintEveryMs - Date.now()));
}

const socket = new LiveSocket(() => new WebSocket(socketUrl), {
  opened() {
    state.link = "open";
    watch();
    repaint();
  },
  text(raw) {
    const message = parseServerText(raw);
    if (!message) return;
    if (applyMessage(state, message, Date.now())) watch();
    if (message.type === "media" || message.type === "history") void refreshMedia();
    dataArrived();
  },
  bytes(data) {
    const record = parseRecord(new Uint8Array(data));
    if (!record) return;
    applyRecord(state, record, Date.now());
    dataArrived();
  },
  lost() {
    if (state.link !== "lost") state.lostAt = Date.now();
    state.link = "lost";
    repaint();
  },
});

// The answer is the whole history, and every later record follows: also how the page catches up after a lost connection.
function watch(): void {
  const { watched } = state;
  socket.send(watched ? { type: "watch", run: watched.run, trainer: watched.trainer, max_points: kMaxPoints } : { type: "watch" });
}

// At most one question at a time; news that come meanwhile are asked for after it.
let mediaAsked = false;
let mediaNews = false;
async function refreshMedia(): Promise<void> {
  const { watched } = state;
  mediaNews = true;
  if (!watched || mediaAsked) return;
  mediaAsked = true;
  mediaNews = false;
  watched.media = (await fetchMediaList(watched).catch(() => null)) ?? watched.media;
  mediaAsked = false;
  dataArrived();
  if (mediaNews) void refreshMedia();
}

function routeChanged(): void {
  const route = parseRoute(location.hash);
  state.route = route;
  const wanted = route.page === "trainer" ? sessionId(route) : null;
  if (wanted !== (state.watched && sessionId(state.watched))) {
    state.watched = route.page === "trainer" ? newWatched(route) : null;
    page.zoom = { step: null, epoch: null };
    watch();
  }
  if (route.page === "overview") tileView?.show(null, []);
  document.title = route.page === "trainer" ? `${sessionId(route)} · trainbus` : "trainbus";
  scrollTo(0, 0);
  repaint();
}

function setZoom(axis: Axis, range: { min: number; max: number } | null): void {
  const zoom = range && { ...range, points: new Map() };
  page.zoom = { ...page.zoom, [axis]: zoom };
  repaint();
  const { watched } = state;
  if (!zoom || !watched) return;
  const wanted = [...watched.series].filter(([, series]) => series.axis === axis).slice(0, kMaxZoomed);
  for (const [name] of wanted) {
    fetchSeries(watched, name, kMaxPoints, zoom).then(
      (points) => {
        zoom.points.set(name, points);
        repaint();
      },
      () => {}, // the coarse points stay
    );
  }
}

function themeChanged(): void {
  applyTheme();
  page.theme = currentTheme();
  tileView?.recolour();
  repaint();
}

addEventListener("hashchange", routeChanged);
addEventListener("online", () => socket.connect());
onSystemTheme(themeChanged);
setInterval(dataArrived, kTickMs);
applyTheme();
routeChanged();
socket.connect();
