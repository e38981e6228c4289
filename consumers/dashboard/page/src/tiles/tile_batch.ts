// One batch of tiles, decoded and ready to draw. Owns its pictures: close() frees them.
import type { BatchData, MetricsRequest } from "../../generated/trainbus_pb";
import { nameOf } from "./confusion";
import { kMaxTiles } from "./tile_layout";
import type { TileVerdict } from "./messages";

type Picture = ImageBitmap;

export interface TileSource {
  picture: Picture;
  top: number; // source row of the tile in its picture
  width: number;
  height: number;
}

export class TileBatch {
  private constructor(
    readonly sessionId: string,
    readonly timestampMs: number,
    readonly incarnation: bigint,
    readonly sequence: bigint,
    readonly data: BatchData,
    private readonly pictures: Picture[],
    readonly tiles: TileSource[],
  ) {}

  // null: the record carries no tiles. Rejects when a picture is damaged.
  static async decode(record: MetricsRequest): Promise<TileBatch | null> {
    if (record.payload.case !== "batchData") return null;
    const data = record.payload.value;
    if (data.images.length === 0) return null;
    const pictures = await Promise.all(data.images.slice(0, kMaxTiles).map((image) => decodePicture(image)));
    const tiles: TileSource[] = [];
    data.images.slice(0, kMaxTiles).forEach((image, index) => {
      const picture = pictures[index]!;
      const strip = Math.min(image.stripTiles, kMaxTiles);
      const width = image.width || picture.width;
      const height = image.height || picture.height;
      for (let i = 0; i < Math.max(1, strip); i++) tiles.push({ picture, top: i * image.stripRows, width, height });
    });
    return new TileBatch(
      record.sessionId,
      Number(record.timestampMs),
      record.incarnation,
      record.sequence,
      data,
      pictures,
      tiles.slice(0, kMaxTiles),
    );
  }

  close(): void {
    for (const picture of this.pictures) picture.close();
  }

  verdicts(classNames: readonly string[]): TileVerdict[] {
    return this.tiles.map((_, index) => {
      const prediction = this.data.predictions[index];
      const truth = this.data.groundTruth[index];
      return {
        index,
        label: prediction ? prediction.predictedLabel || nameOf(classNames, prediction.predictedClass) : "",
        truth: truth === undefined ? "" : nameOf(classNames, truth),
        predictedClass: prediction?.predictedClass ?? -1,
        truthClass: truth ?? -1,
        confidence: prediction?.confidence ?? 0,
        right: prediction && truth !== undefined ? prediction.predictedClass === truth : null,
        scores: (prediction?.topKScores ?? []).map(({ classIdx, label, score }) => ({
          label: label || nameOf(classNames, classIdx),
          score,
        })),
      };
    });
  }

  // One tile as a picture of its own, which the receiver closes.
  async picture(index: number): Promise<Picture | null> {
    const tile = this.tiles[index];
    return tile ? createImageBitmap(tile.picture, 0, tile.top, tile.width, tile.height) : null;
  }
}

function decodePicture(image: BatchData["images"][number]): Promise<Picture> {
  const type = image.format === "png" ? "image/png" : "image/jpeg";
  return createImageBitmap(new Blob([image.imageBytes as Uint8Array<ArrayBuffer>], { type }));
}
