// One trainer: what it does now, how it got there, and control over it.
import { useState } from "preact/hooks";
import { incarnationsHref } from "../compare";
import { divergenceOf } from "../divergence";
import { count, duration, kNone, loss, mebibytes, number, percent, rate } from "../format";
import type { Page } from "../page";
import { endedStates, type Trainer } from "../protocol";
import { overviewHref, parseParams, sessionId, siteKey } from "../route";
import { curveOf, lineStep, type Watched } from "../state";
import { readStored, store } from "../storage";
import { readTileSettings, tileSettingsText, type TileSettings } from "../tile_settings";
import { ChartBoard } from "./chart_board";
import { Column } from "./column";
import { ConfusionPanel } from "./confusion_panel";
import { Controls } from "./controls";
import { EpochTable } from "./epoch_table";
import { EventLog } from "./event_log";
import { LedgerPanel } from "./ledger_panel";
import { MediaPanel } from "./media_panel";
import { RateStrip } from "./rate_strip";
import { Settings } from "./settings";
import { namesakes, shortIncarnation, shownState } from "../trainer_state";
import { Sparkline } from "./sparkline";
import { StateBadge } from "./state_badge";
import { TilesPanel } from "./tiles_panel";

const kTileKey = "trainbus-tiles";

export function TrainerPage({ page, watched }: { page: Page; watched: Watched }) {
  const { state } = page;
  const [tileSettings, setTileSettings] = useState(() => readTileSettings(parseParams(page.hash()).get("tiles") ?? readStored(kTileKey)));
  const trainer = state.trainers.get(sessionId(watched)) ?? watched.info;
  if (!trainer && state.listed && watched.phase === "live") return <Unknown watched={watched} />;
  const ended = trainer !== null && endedStates.includes(trainer.state);
  const changeTiles = (settings: TileSettings) => {
    const params = parseParams(page.hash());
    params.set("tiles", tileSettingsText(settings));
    page.replaceParams(params);
    store(kTileKey, tileSettingsText(settings));
    setTileSettings(settings);
  };
  const tiles = <TilesPanel page={page} watched={watched} trainer={trainer} settings={tileSettings} change={changeTiles} />;
  return (
    <div class="trainer" aria-busy={watched.phase === "loading"}>
      <div class="headline">
        <h1>
          <span class="run">{watched.run}/</span>
          {watched.trainer}
        </h1>
        {trainer && <StateBadge state={shownState(trainer, state.commands.values(), page.now)} />}
        {trainer && <Skew trainer={trainer} />}
        {trainer && <Twins page={page} trainer={trainer} />}
        {trainer && <Lost watched={watched} trainer={trainer} />}
        <Incarnations watched={watched} />
        {!ended && <span class="message">{trainer?.state === "DEAD" ? "" : trainer?.status_message}</span>}
        <span class="spacer" />
        <span class="dim">{[trainer?.model, trainer?.dataset].filter(Boolean).join(" · ")}</span>
      </div>
      {!ended && <RateStrip page={page} watched={watched} trainer={trainer} />}
      {trainer && !ended && <Vitals watched={watched} trainer={trainer} />}
      {trainer && ended && <Summary page={page} watched={watched} trainer={trainer} />}
      {trainer && page.login.mayCommand && <Controls page={page} watched={watched} trainer={trainer} />}
      {page.login.user !== "" && !page.login.mayCommand && <OnlyLooks user={page.login.user} />}
      {tileSettings.wide && tiles}
      <div class="columns">
        <Column>
          {!tileSettings.wide && tiles}
          <ConfusionPanel watched={watched} />
          {trainer && <Numbers page={page} watched={watched} trainer={trainer} />}
          <Settings plan={watched.plan} />
          <EventLog events={watched.events} />
          <LedgerPanel page={page} watched={watched} />
        </Column>
        <Column>
          {watched.phase === "loading" ? (
            <div class="panel loading" role="status">
              Loading the history…
            </div>
          ) : (
            <ChartBoard page={page} watched={watched} />
          )}
          <MediaPanel page={page} watched={watched} />
          <EpochTable watched={watched} />
        </Column>
      </div>
    </div>
  );
}

// The newest of several: the curves go on from one to the next, and each is there by itself.
function Incarnations({ watched }: { watched: Watched }) {
  const { incarnations } = watched;
  if (incarnations.length < 2) return null;
  return (
    <a class="button small" data-testid="incarnations" href={incarnationsHref(watched, incarnations.map(({ incarnation }) => incarnation))} title="Each by itself, over one another">
      {count(incarnations.length)} incarnations
    </a>
  );
}

const kSkewMs = 2000; // less may be the way of the messages

// Its times and ages are as its clock has them.
function Skew({ trainer: { clock_skew_ms: skew } }: { trainer: Trainer }) {
  if (skew === null || Math.abs(skew) < kSkewMs) return null;
  return (
    <span class="badge bad-badge" data-testid="skew">
      its clock is {duration(Math.abs(skew))} {skew > 0 ? "ahead" : "behind"}
    </span>
  );
}

// Two trainers of one name: what is shown is of the incarnation that was heard last. The list knows, or an alert says so.
function Twins({ page, trainer }: { page: Page; trainer: Trainer }) {
  const live = namesakes(trainer, page.state.trainers.values()).length;
  const conflict = [...page.state.alerts.values()].find(
    (alert) => alert.rule === "duplicate_name" && alert.endedAt === 0 && siteKey(alert) === siteKey(trainer),
  );
  if (live < 2 && !conflict) return null;
  return (
    <span class="badge bad-badge" data-testid="twins" title={conflict?.message ?? "Each has curves and commands of its own; give one of them another name."}>
      {live < 2 ? "several" : count(live)} trainers of this name at once; this is @{shortIncarnation(trainer.incarnation)}
    </span>
  );
}

// Where the curves are below the first window, as on a phone: what they say now, and how they came there.
function Vitals({ watched, trainer }: { watched: Watched; trainer: Trainer }) {
  const lost = divergenceOf(watched, trainer);
  const values: [string, string, boolean][] = [
    ["loss", lost ? number(lost.value) : loss(trainer.loss ?? trainer.epoch_loss), lost !== null],
    ["val. loss", loss(trainer.validation_loss), false],
    ["accuracy", percent(trainer.accuracy), false],
  ];
  return (
    <section class="panel vitals" aria-label="Loss now" data-testid="vitals">
      {values.map(([name, text, bad]) => (
        <span key={name} class="rate">
          <span class="label">{name}</span>
          <b class={bad ? "bad" : ""}>{text}</b>
        </span>
      ))}
      <Sparkline values={trainer.sparkline} />
    </section>
  );
}

function OnlyLooks({ user }: { user: string }) {
  return (
    <p class="panel only-looks" data-testid="only-looks">
      <b>{user}</b> may look and not command: an operator or an admin has pause, stop and the knobs here.
    </p>
  );
}

// A training whose loss is no number is not well, however alive it is.
function Lost({ watched, trainer }: { watched: Watched; trainer: Trainer }) {
  const lost = divergenceOf(watched, trainer);
  if (!lost) return null;
  return (
    <span class="badge bad-badge" data-testid="diverged">
      {number(lost.value)} since {lost.axis} {count(lost.since)}
    </span>
  );
}

function Unknown({ watched }: { watched: Watched }) {
  return (
    <div class="empty panel">
      <h1>Nobody knows {sessionId(watched)}</h1>
      <p>
        No trainer of this name has said hello yet; if one does, it appears here. <a href={overviewHref}>See all trainers</a>
      </p>
    </div>
  );
}

// The life of the trainer process that is shown: its incarnation starts with its start time.
export function elapsedMs(page: Page, watched: Watched, trainer: Trainer): number | null {
  const startedAt = Number(trainer.incarnation >> 20n);
  if (startedAt < Date.UTC(2020, 0)) return null;
  if (!endedStates.includes(trainer.state)) return Math.max(0, page.state.clock.now(page.now) - startedAt);
  const end = watched.events.find((event) => event.kind === "status" && event.status === trainer.state);
  return end ? Math.max(0, end.timestamp_ms - startedAt) : null;
}

function Numbers({ page, watched, trainer }: { page: Page; watched: Watched; trainer: Trainer }) {
  const ended = endedStates.includes(trainer.state);
  const values: [string, string, string?][] = [
    ["Loss", loss(trainer.loss ?? trainer.epoch_loss), "loss"],
    ["Accuracy", percent(trainer.accuracy), "accuracy"],
    ["Val. loss", loss(trainer.validation_loss), "validation-loss"],
    ["Val. accuracy", percent(trainer.validation_accuracy), "validation-accuracy"],
    ["Learning rate", number(trainer.learning_rate), "learning-rate"],
    ["Batch size", number(trainer.batch_size), "batch-size"],
    ["Per batch", trainer.time_per_batch_ms === null ? kNone : `${number(trainer.time_per_batch_ms, 3)} ms`],
    ["Batches/s, mean", rate(trainer.average_fps)],
    ["Elapsed", duration(elapsedMs(page, watched, trainer))],
    ["Remaining", ended || ["DEAD", "STALLED", "UNREACHABLE"].includes(trainer.state) || trainer.eta_sec === null ? kNone : duration(trainer.eta_sec * 1000)],
    ["CPU", trainer.cpu_percent === null ? kNone : `${Math.round(trainer.cpu_percent)} %`],
    ["Memory", mebibytes(trainer.memory_mb)],
  ];
  if (trainer.gpu_percent !== null) values.push(["GPU", `${Math.round(trainer.gpu_percent)} %`]);
  if (trainer.gpu_memory_mb !== null) values.push(["GPU memory", mebibytes(trainer.gpu_memory_mb)]);
  return (
    <section class="panel numbers" aria-label="Numbers">
      <dl>
        {values.map(([name, text, id]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd data-testid={id && `value-${id}`}>{text}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

const endWords: Record<string, string> = {
  COMPLETED: "Training has ended",
  STOPPED: "Training was stopped",
  FAILED: "Training has failed",
};

function Summary({ page, watched, trainer }: { page: Page; watched: Watched; trainer: Trainer }) {
  const lost = divergenceOf(watched, trainer);
  const ended = lost?.value ?? curveOf(watched, "epoch_loss").last ?? trainer.epoch_loss ?? trainer.loss;
  const accuracy = curveOf(watched, "epoch_accuracy").last ?? trainer.accuracy;
  const good = trainer.state === "COMPLETED" && lost === null;
  const done = `${count(trainer.epoch ?? 0)} ${trainer.epoch === 1 ? "epoch" : "epochs"}, ${count(lineStep(watched, trainer))} steps`;
  return (
    <section class={good ? "panel summary good" : trainer.state === "FAILED" || lost !== null ? "panel summary bad" : "panel summary"} data-testid="summary" aria-label="Summary">
      <strong>
        {endWords[trainer.state]}
        {lost && ` at ${number(lost.value)}`}
      </strong>
      {lost && (
        <span class="bad">
          {lost.name} is {number(lost.value)} since {lost.axis} <b>{count(lost.since)}</b>
        </span>
      )}
      {trainer.status_message && trainer.status_message !== done && <span>{trainer.status_message}</span>}
      <span>after {duration(elapsedMs(page, watched, trainer))}</span>
      <span>{done}</span>
      {(ended !== null || accuracy !== null) && (
        <span>
          loss <b>{loss(ended)}</b>
          {accuracy !== null && (
            <>
              , accuracy <b>{percent(accuracy)}</b>
            </>
          )}
        </span>
      )}
      {trainer.validation_loss !== null && (
        <span>
          validation <b>{loss(trainer.validation_loss)}</b>
          {trainer.validation_accuracy !== null && (
            <>
              , <b>{percent(trainer.validation_accuracy)}</b>
            </>
          )}
        </span>
      )}
    </section>
  );
}
