// The rows of the list as the server keeps them: each list brings the values that changed, and the rows that went.
import { parseTrainer, type ListChanges, type Trainer } from "./protocol";
import { trainerKey } from "./trainer_state";

interface Row {
  said: Record<string, unknown>;
  key: string; // "": it makes no trainer
}

export class TrainerRows {
  private readonly rows = new Map<number, Row>();
  // By key. Another map whenever something in it is another one, and a trainer of whom nothing changed the same object.
  trainers: ReadonlyMap<string, Trainer> = new Map();

  constructor(private readonly site: { name: string; base: string } = { name: "", base: "" }) {}

  take({ whole, rows, gone }: ListChanges): void {
    if (!whole && rows.length === 0 && gone.length === 0) return;
    const trainers = whole ? new Map<string, Trainer>() : new Map(this.trainers);
    if (whole) this.rows.clear();
    for (const id of gone) {
      trainers.delete(this.rows.get(id)?.key ?? "");
      this.rows.delete(id);
    }
    for (const { id, ...changed } of rows) this.put(id, changed, trainers);
    this.trainers = trainers;
  }

  private put(id: number, changed: Record<string, unknown>, trainers: Map<string, Trainer>): void {
    const row = this.rows.get(id) ?? { said: {}, key: "" };
    Object.assign(row.said, changed);
    const parsed = parseTrainer(row.said);
    const trainer = parsed && { ...parsed, site: this.site.name, base: this.site.base };
    const key = trainer ? trainerKey(trainer) : "";
    if (key !== row.key) trainers.delete(row.key);
    if (trainer) trainers.set(key, trainer);
    row.key = key;
    this.rows.set(id, row);
  }
}
