// What the page and its tile worker say to one another.
import type { Session } from "../route";
import type { Arrangement } from "./arrangement";

export interface TileColours {
  right: string;
  wrong: string;
  unknown: string;
  text: string;
  muted: string;
  surface: string;
}

export interface TileSize {
  width: number; // CSS pixels
  height: number;
  columns: number;
  scale: number; // device pixels per CSS pixel
}

export type TileRequest =
  | { type: "watch"; session: Session | null; classNames: string[] } // null: none, for example while the page is hidden
  | { type: "size"; size: TileSize }
  | { type: "colours"; colours: TileColours }
  | { type: "arrange"; arrangement: Arrangement }
  // Frozen, the batch that is `back` before the newest kept one is shown; null: live again.
  | { type: "freeze"; back: number | null }
  | { type: "picture"; index: number }; // of the batch that is shown

export type ToWorker = { type: "start"; canvas: OffscreenCanvas; url: string } | TileRequest;

export interface TileVerdict {
  index: number; // of the tile in its batch
  label: string;
  truth: string;
  predictedClass: number; // -1: not said
  truthClass: number; // -1: not said
  confidence: number; // 0..1
  right: boolean | null; // null: no prediction or no truth came with the picture
  scores: { label: string; score: number }[];
}

// One batch of tiles was drawn.
export interface FrameReport {
  type: "frame";
  session: string;
  frames: number; // drawn since the page was opened
  step: number;
  epoch: number;
  batch: number;
  verdicts: TileVerdict[]; // of all its tiles
  shown: number[]; // indices of those that are drawn, in their order
  fps: number; // drawn per second, over the last two seconds
  ageMs: number; // trainer's timestamp to drawn, by the server's clock
  bytesPerSecond: number; // of tiles, from the server
  dropped: number; // of this session, since it is watched: sent by the trainer and not drawn
  tileWidth: number;
  tileHeight: number;
  back: number; // 0: the newest
  kept: number; // batches that one can go back to, this one included
  live: boolean;
}

export interface PictureReport {
  type: "picture";
  index: number;
  picture: ImageBitmap; // the receiver closes it
}

export type FromWorker = FrameReport | PictureReport;
