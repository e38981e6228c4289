// Media of a trainer: the list, and one record. The pictures themselves are plain addresses for <img>.
import { numeric } from "./protocol";
import { sessionId, type Session } from "./route";

export interface MediaEntry {
  id: string;
  step: number; // on the line of all incarnations
  timestamp_ms: number;
}
export interface NamedMedia {
  name: string;
  type: string;
  leftOut: number; // older records that the server no longer keeps
  records: MediaEntry[]; // oldest first, never empty
}
export interface MediaList {
  media: NamedMedia[];
  leftOut: number; // records of names past the server's bound
}

export type MediaContent =
  | { type: "text"; text: string }
  | { type: "images"; images: { url: string; caption: string }[] }
  | { type: "histogram"; edges: number[]; counts: number[] }
  | { type: "table"; columns: string[]; rows: string[]; values: (number | null)[] };

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const finite = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);

const address = (session: Session, rest = ""): string => `api/trainers/${sessionId(session)}/media${rest}`;

async function ask(url: string): Promise<Json> {
  const response = await fetch(url);
  const answer: unknown = await response.json().catch(() => null);
  if (!isObject(answer)) throw new Error(`the server answered ${response.status}`);
  if (!response.ok) throw new Error(text(answer.error) || `the server answered ${response.status}`);
  return answer;
}

export function parseMediaList(answer: Json): MediaList {
  const media = list(answer.media).filter(isObject).map((named): NamedMedia => ({
    name: text(named.name),
    type: text(named.type),
    leftOut: finite(named.left_out),
    records: list(named.records).filter(isObject).map((one) => ({
      id: text(one.id),
      step: finite(one.step),
      timestamp_ms: finite(one.timestamp_ms),
    })),
  }));
  return { media: media.filter(({ name, records }) => name !== "" && records.length > 0), leftOut: finite(answer.records_of_left_out_names) };
}

// null: of a type that this page does not know.
export function parseMediaContent(session: Session, answer: Json): MediaContent | null {
  switch (answer.type) {
    case "text":
      return { type: "text", text: text(answer.text) };
    case "images": {
      const images = list(answer.images).filter(isObject);
      return { type: "images", images: images.map((image, i) => ({ url: address(session, `/${text(answer.id)}/${i}`), caption: text(image.caption) })) };
    }
    case "histogram":
      return { type: "histogram", edges: list(answer.edges).map(finite), counts: list(answer.counts).map(finite) };
    case "table":
      return { type: "table", columns: list(answer.columns).map(text), rows: list(answer.rows).map(text), values: list(answer.values).map(numeric) };
    default:
      return null;
  }
}

export const fetchMediaList = async (session: Session): Promise<MediaList> => parseMediaList(await ask(address(session)));

export const fetchMedia = async (session: Session, id: string): Promise<MediaContent | null> =>
  parseMediaContent(session, await ask(address(session, `/${id}`)));
