// How often which class was taken for which, over the newest predictions.
export interface ConfusionMatrix {
  labels: string[]; // truths are the rows, predictions the columns
  values: number[]; // row by row
  total: number;
}
export interface Confused {
  truth: string;
  predicted: string;
  count: number;
}

export const kMaxPredictions = 4096;
const kMaxClasses = 64; // of the matrix; the most confused pairs are said of any number of classes

export class Confusion {
  private ring: number[] = []; // truth and prediction in turn
  private next = 0;
  total = 0; // ever

  take(truth: number, predicted: number): void {
    if (truth < 0 || predicted < 0) return;
    this.ring[this.next] = truth;
    this.ring[this.next + 1] = predicted;
    this.next = (this.next + 2) % (2 * kMaxPredictions);
    this.total++;
  }

  get counted(): number {
    return this.ring.length / 2;
  }

  private counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (let i = 0; i < this.ring.length; i += 2) {
      const key = `${this.ring[i]} ${this.ring[i + 1]}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return counts;
  }

  // Of the classes that occurred. null: too many of them.
  matrix(classNames: readonly string[]): ConfusionMatrix | null {
    const classes = [...new Set(this.ring)].sort((a, b) => a - b);
    if (classes.length > kMaxClasses) return null;
    const counts = this.counts();
    return {
      labels: classes.map((index) => nameOf(classNames, index)),
      values: classes.flatMap((truth) => classes.map((predicted) => counts.get(`${truth} ${predicted}`) ?? 0)),
      total: this.counted,
    };
  }

  mostConfused(classNames: readonly string[], limit: number): Confused[] {
    return [...this.counts()]
      .map(([key, count]) => {
        const [truth, predicted] = key.split(" ").map(Number);
        return { truth: truth!, predicted: predicted!, count };
      })
      .filter(({ truth, predicted }) => truth !== predicted)
      .sort((a, b) => b.count - a.count)
      .slice(0, limit)
      .map(({ truth, predicted, count }) => ({ truth: nameOf(classNames, truth), predicted: nameOf(classNames, predicted), count }));
  }
}

export const nameOf = (classNames: readonly string[], index: number): string => classNames[index] ?? `#${index}`;
