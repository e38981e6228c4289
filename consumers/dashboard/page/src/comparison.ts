// The comparison that the address names.
import { firstValues, nothingCompared, readCompared, writeCompared, type Compared, type CompareItem } from "./compare";
import { CompareData } from "./compare_data";
import type { CompareView } from "./page";
import { parseParams } from "./route";
import type { Timeline } from "./timeline";

interface Surroundings {
  hash(): string;
  replaceParams(params: URLSearchParams): void;
  isLive(item: CompareItem): boolean;
  changed(): void;
}

export class Comparison implements CompareView {
  compared: Compared = nothingCompared;
  readonly data: CompareData;

  constructor(private readonly around: Surroundings) {
    this.data = new CompareData(around.isLive, () => this.arrived());
  }

  // Of the first that has one: ranges are kept by it when x becomes another.
  get timeline(): Timeline | null {
    return [...this.data.items.values()].find(({ timeline }) => timeline.can("relative"))?.timeline ?? null;
  }

  open(shown: boolean): void {
    if (!shown) return this.data.stop();
    this.compared = readCompared(parseParams(this.around.hash()));
    this.data.show(this.compared);
  }

  change(changed: Partial<Compared>): void {
    this.compared = { ...this.compared, ...changed };
    const params = parseParams(this.around.hash());
    writeCompared(this.compared, params);
    this.around.replaceParams(params);
    this.data.show(this.compared);
    this.around.changed();
  }

  // Who chose no value gets the usual ones.
  private arrived(): void {
    if (this.compared.values.length === 0 && this.data.names.size > 0) this.change({ values: firstValues(this.data.names) });
    this.around.changed();
  }
}
