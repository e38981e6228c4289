// The order of names, found once: comparing them as people do ("t9" before "t10") costs more than all the rest of a sort.
import type { Trainer } from "./protocol";
import { sessionId } from "./route";
import { trainerKey } from "./trainer_state";

const byName = new Intl.Collator("en", { numeric: true });
export const compareNames = (a: string, b: string): number => byName.compare(a, b);

export class NameOrder {
  private ranks = new Map<string, number>();

  // By the rank of each of these.
  of(trainers: readonly Trainer[]): (trainer: Trainer) => number {
    if (trainers.some((trainer) => !this.ranks.has(trainerKey(trainer)))) this.rank(trainers);
    return (trainer) => this.ranks.get(trainerKey(trainer)) ?? 0;
  }

  private rank(trainers: readonly Trainer[]): void {
    const ordered = [...trainers].sort((a, b) => compareNames(a.run, b.run) || compareNames(a.trainer, b.trainer) || compareNames(sessionId(a), sessionId(b)));
    this.ranks = new Map(ordered.map((trainer, i) => [trainerKey(trainer), i]));
  }
}
