// What the page and its tile worker say to one another.
import type { Session } from "../route";

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
  scale: number; // device pixels per CSS pixel
}

export type ToWorker =
  | { type: "start"; canvas: OffscreenCanvas; url: string }
  | { type: "watch"; session: Session | null; classNames: string[] }
  | { type: "size"; size: TileSize }
  | { type: "colours"; colours: TileColours };

export interface TileVerdict {
  label: string;
  truth: string;
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
  verdicts: TileVerdict[];
  fps: number; // drawn per second, over the last two seconds
  ageMs: number; // trainer's timestamp to drawn, by the server's clock
  dropped: number; // of this session, since it is watched: sent by the trainer and not drawn
  tileWidth: number;
  tileHeight: number;
}

export type FromWorker = FrameReport;
