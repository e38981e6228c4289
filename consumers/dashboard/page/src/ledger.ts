// Where everything is that a trainer gave out, in sentences: GET .../ledger.
import { count } from "./format";
import { apiOf, type Session } from "./route";
import { fetchJson } from "./series_api";

interface RecordLedger {
  kind: string;
  produced: number;
  stored: number;
  lost: number;
  in_outbox: number;
}

interface TilesLedger {
  produced: number;
  skipped_no_demand: number;
  dropped_at_source: number;
  sent: number;
  broker_in: number;
  lost_on_link: number;
  lost_to_consumers: number;
}

export interface Ledger {
  incarnation: bigint;
  newest: boolean;
  heard: boolean; // a heartbeat said what was produced
  unnumbered: number;
  records: RecordLedger[];
  tiles: TilesLedger;
  openSums: string[];
}

export interface LedgerLine {
  what: string;
  text: string;
  tone: "good" | "bad" | "";
}

type Json = Record<string, unknown>;
const object = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
const objects = (value: unknown): Json[] => (Array.isArray(value) ? value.map(object) : []);
const whole = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);

export function parseLedgers(answer: unknown): Ledger[] {
  return objects(object(answer).ledgers).map((said) => {
    const tiles = object(said.tiles);
    return {
      incarnation: /^\d{1,20}$/.test(String(said.incarnation)) ? BigInt(String(said.incarnation)) : 0n,
      newest: said.newest !== false,
      heard: said.heard === true,
      unnumbered: whole(said.unnumbered),
      records: objects(said.records).map((one) => ({
        kind: String(one.kind), produced: whole(one.produced), stored: whole(one.stored), lost: whole(one.lost), in_outbox: whole(one.in_outbox),
      })),
      tiles: {
        produced: whole(tiles.produced), skipped_no_demand: whole(tiles.skipped_no_demand), dropped_at_source: whole(tiles.dropped_at_source), sent: whole(tiles.sent),
        broker_in: whole(tiles.broker_in), lost_on_link: whole(tiles.lost_on_link), lost_to_consumers: whole(tiles.lost_to_consumers),
      },
      openSums: Array.isArray(said.open_sums) ? said.open_sums.map(String) : [],
    };
  });
}

export const fetchLedgers = async (session: Session): Promise<Ledger[]> => parseLedgers(await fetchJson(`${apiOf(session)}/ledger`));

const list = (parts: (string | false)[]): string => parts.filter(Boolean).join(", ");

// Drawn: what this page has drawn of the tiles and left out since it watches; null: it does not watch.
export function ledgerLines(ledger: Ledger, drawn: { shown: number; leftOut: number } | null): LedgerLine[] {
  const lines = ledger.records.map((record): LedgerLine => ({
    what: record.kind,
    text: list([
      `${count(record.produced)} produced`,
      `${count(record.stored)} in the journal`,
      record.in_outbox > 0 && `${count(record.in_outbox)} on their way`,
      record.lost > 0 && `${count(record.lost)} lost for good`,
    ]),
    tone: record.lost > 0 ? "bad" : "",
  }));
  const { tiles } = ledger;
  if (tiles.produced + tiles.broker_in > 0) lines.push(tilesLine(tiles));
  if (drawn) lines.push({ what: "this page", text: `${count(drawn.shown)} batches of tiles drawn, ${count(drawn.leftOut)} left out for newer ones`, tone: "" });
  return [...lines, verdictLine(ledger)];
}

function tilesLine(tiles: TilesLedger): LedgerLine {
  const text = list([
    `${count(tiles.produced)} produced`,
    tiles.skipped_no_demand > 0 && `${count(tiles.skipped_no_demand)} while nobody watched`,
    tiles.dropped_at_source > 0 && `${count(tiles.dropped_at_source)} dropped by the trainer for newer ones`,
    `${count(tiles.sent)} sent`,
    `${count(tiles.broker_in)} at the broker`,
    tiles.lost_on_link > 0 && `${count(tiles.lost_on_link)} lost on the way there`,
    tiles.lost_to_consumers > 0 && `${count(tiles.lost_to_consumers)} missed by who watched`,
  ]);
  return { what: "tiles", text, tone: "" };
}

function verdictLine({ heard, unnumbered, openSums }: Ledger): LedgerLine {
  if (!heard) return { what: "sums", text: "not known: no heartbeat has said what the trainer produced", tone: "" };
  if (unnumbered > 0) return { what: "sums", text: `not known: ${count(unnumbered)} records came without numbers of their own`, tone: "" };
  if (openSums.length > 0) return { what: "sums", text: `are open: ${openSums.join("; ")}. What is on its way closes them once the trainer rests`, tone: "" };
  return { what: "sums", text: "close: nothing is unaccounted for", tone: "good" };
}
