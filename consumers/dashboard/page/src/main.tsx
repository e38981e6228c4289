// Wires the page: socket -> state -> one paint per animation frame.
import { options, render } from "preact";
import { AlertDesk, applyAlert, parseAlerts } from "./alerts";
import { followCommand, isOfHistory, issueCommand } from "./command";
import { LiveSocket } from "./live_socket";
import { unknownLogin, readLogin } from "./login";
import { fetchMediaList } from "./media_api";
import { ByteMeter } from "./byte_meter";
import type { Page } from "./page";
import { Comparison } from "./comparison";
import { type CommandEvent, endedStates, parseRecord, parseServerText } from "./protocol";
import { extrasOf, readOverview } from "./overview_settings";
import { hashOf, parseParams, parseRoute, sessionId, siteKey } from "./route";
import { fetchJson } from "./series_api";
import { SchedulePlayer } from "./schedule";
import { Sites } from "./sites";
import { applyCommand, applyMessage, applyRecord, newState, newWatched } from "./state";
import { readStored, store } from "./storage";
import { namesakes } from "./trainer_state";
import { applyTheme, currentTheme, onSystemTheme, toggleTheme } from "./theme";
import type { FrameReport } from "./tiles/messages";
import { TileView } from "./tiles/tile_view";
import { App, loadViews } from "./views/app";
import { WatchedCharts } from "./watched_charts";

const kPaintEveryMs = 100; // for what arrives by itself; what the user does is painted with the next frame
const kTickMs = 500; // ages count on
const kMaxPoints = 2000;
const kIdleMs = 2000; // after which the page is taken to have nothing to do

const root = document.getElementById("app")!;
const state = newState(parseRoute(location.hash));
const meter = new ByteMeter();
let tileView: TileView | null = null;
let paintedAt = 0;
let paintTimer: ReturnType<typeof setTimeout> | undefined;
let paintAsked = false;

options.debounceRendering = requestAnimationFrame;

const hash = (): string => location.hash;
// An address that only says how to look is no place to go back to.
function replaceParams(params: URLSearchParams): void {
  history.replaceState(null, "", hashOf(state.route, params));
  renewList();
  repaint();
}

const charts = new WatchedCharts({
  watched: () => state.watched,
  otherTimeline: () => compare.timeline,
  hash,
  replaceParams,
  stored: readStored,
  store,
  changed: repaint,
});

const compare = new Comparison({
  hash,
  replaceParams,
  isLive: (session) => {
    const trainer = state.trainers.get(siteKey(session));
    return trainer !== undefined && !endedStates.includes(trainer.state);
  },
  changed: repaint,
});

const socketAt = (base: string): string => new URL(`${base}ws`, location.href.replace(/^http/, "ws").replace(/[?#].*$/, "")).href;
const sites = new Sites({
  open: (base) => new WebSocket(socketAt(base)),
  applied: (command) => applyCommand(state, command, Date.now()),
  opened: (base) => void readAlerts(base),
  alert: (event, base) => applyAlert(state.alerts, event, base),
  changed: dataArrived,
});

const page: Page = {
  state,
  theme: currentTheme(),
  login: unknownLogin,
  now: Date.now(),
  tiles: () => (tileView ??= new TileView(socketAt(""), dataArrived, countPredictions)),
  charts,
  compare,
  hash,
  replaceParams,
  sites: [],
  schedules: new SchedulePlayer(),
  bytesPerSecond: 0,
  alertDesk: new AlertDesk(readStored("trainbus-alerts"), (text) => store("trainbus-alerts", text)),
  async issue(trainer, type, value, knob) {
    const alone = namesakes(trainer, state.trainers.values()).length < 2;
    const event = await issueCommand(trainer, type, value, knob, alone ? 0n : trainer.incarnation);
    const heard = (said: CommandEvent) => {
      applyCommand(state, said, Date.now());
      repaint();
    };
    heard(event);
    if (isOfHistory(type)) void followCommand(trainer, event, heard);
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
    charts.refresh();
    compare.data.look(charts.settings.range, charts.settings.x);
    state.trainers = sites.trainers(state.rows.trainers);
    playSchedule();
    page.sites = sites.list({ broker: state.broker, link: state.link, brokerConnected: state.brokerConnected });
    render(<App page={{ ...page }} />, root);
  });
}

// Of the watched trainer alone: of the others the step is known twice a second at best.
function playSchedule(): void {
  const { watched } = state;
  const trainer = watched && state.trainers.get(sessionId(watched));
  if (!trainer) return;
  void page.schedules
    .reached(sessionId(watched), trainer.step ?? 0, ({ type, value, name }) => page.issue(trainer, type, value, name || undefined))
    .then(dataArrived);
}

function countPredictions({ verdicts }: FrameReport): void {
  const { watched } = state;
  if (!watched || watched.predictionsInRecords) return;
  for (const { truthClass, predictedClass } of verdicts) watched.confusion.take(truthClass, predictedClass);
}

function dataArrived(): void {
  if (paintAsked || paintTimer) return;
  paintTimer = setTimeout(repaint, Math.max(0, paintedAt + kPaintEveryMs - Date.now()));
}

const socket = new LiveSocket(() => new WebSocket(socketAt("")), {
  opened() {
    state.link = "open";
    void lookWho();
    askForList();
    watch();
    void readAlerts();
    repaint();
    whenIdle(() => loadViews("all"));
  },
  text(raw) {
    meter.add(raw.length);
    const message = parseServerText(raw);
    if (!message) return;
    if (applyMessage(state, message, Date.now())) watch();
    if (message.type === "media" || (message.type === "history" && message.trainer_info)) void refreshMedia();
    dataArrived();
  },
  bytes(data) {
    meter.add(data.byteLength);
    const record = parseRecord(new Uint8Array(data));
    if (!record) return;
    applyRecord(state, record, Date.now());
    dataArrived();
  },
  lost() {
    if (state.link !== "lost") state.lostAt = Date.now();
    state.link = "lost";
    void lookWho(); // the login may be over
    repaint();
  },
});

// What it brings beside what every list has follows from what is shown.
function askForList(): void {
  askedColumns = extrasOf(readOverview(parseParams(location.hash)));
  socket.send({ type: "list", columns: askedColumns });
  sites.askForList(askedColumns);
}
let askedColumns: string[] = [];
function renewList(): void {
  const wanted = extrasOf(readOverview(parseParams(location.hash)));
  if (state.route.page === "overview" && wanted.join("\n") !== askedColumns.join("\n")) askForList();
}

async function lookWho(): Promise<void> {
  page.login = (await readLogin()) ?? page.login;
  repaint();
}

// The answer is the whole history, and every later record follows: also how the page catches up after a lost connection.
function watch(): void {
  const { watched } = state;
  socket.send(watched ? { type: "watch", run: watched.run, trainer: watched.trainer, max_points: kMaxPoints } : { type: "watch" });
}

// What was raised before this page came; later ones come as records.
async function readAlerts(base = ""): Promise<void> {
  const response = await fetch(`${base}api/alerts`).catch(() => null);
  if (!response?.ok) return;
  for (const [id, alert] of parseAlerts(await response.json().catch(() => null), base)) state.alerts.set(id, alert);
  dataArrived();
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
  if (route.page !== "overview") loadViews(route.page);
  renewList();
  const wanted = route.page === "trainer" ? sessionId(route) : null;
  if (wanted !== (state.watched && sessionId(state.watched))) {
    state.watched = route.page === "trainer" ? newWatched(route) : null;
    watch();
    scrollTo(0, 0);
  }
  compare.open(route.page === "compare");
  charts.open(state.watched);
  if (route.page !== "trainer") tileView?.show(null, []);
  document.title = route.page === "trainer" ? `${sessionId(route)} · trainbus` : route.page === "compare" ? "compare · trainbus" : "trainbus";
  repaint();
}

function themeChanged(): void {
  applyTheme();
  page.theme = currentTheme();
  tileView?.recolour();
  repaint();
}

// Some browsers do not say when they are.
const whenIdle = (work: () => void): unknown => ("requestIdleCallback" in globalThis ? requestIdleCallback(work) : setTimeout(work, kIdleMs));

addEventListener("hashchange", routeChanged);
addEventListener("online", () => socket.connect());
onSystemTheme(themeChanged);
setInterval(() => {
  page.bytesPerSecond = meter.rate(Date.now());
  dataArrived();
}, kTickMs);
applyTheme();
root.replaceChildren(); // what was there until now
routeChanged();
socket.connect();
fetchJson("api/sites").then((answer) => sites.begin(answer, location.pathname), () => {});
