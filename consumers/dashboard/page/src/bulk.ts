// One command to many trainers: each is asked by itself and answers for itself. The server takes ten a second; what it
// puts off is asked again.
import { farQuestion } from "./command";
import type { CommandEvent, CommandVerb, Trainer } from "./protocol";
import { trainerKey } from "./trainer_state";

export interface BulkOrder {
  title: string; // "Pause"
  trainers: Trainer[];
}

export interface BulkProgress extends BulkOrder {
  commands: string[]; // ids of those that were taken
  refused: { session: string; why: string }[];
  done: boolean;
}

// Before a value is sent that is far from the one in force: of how many, and of one of them how far.
export function farOfSome(trainers: readonly Trainer[], type: CommandVerb, value: string): string {
  const current = ({ learning_rate, batch_size }: Trainer) => (type === "CHANGE_LEARNING_RATE" ? learning_rate : type === "ADJUST_BATCH_SIZE" ? batch_size : null);
  const far = trainers.map((trainer) => farQuestion(String(current(trainer) ?? ""), value)).filter(Boolean);
  return far.length === 0 ? "" : `${far[0]}, for ${far.length} of ${trainers.length}`;
}

const kEveryMs = 110;
const kAgainMs = 1100;
const kTries = 5;
const isPutOff = (why: string): boolean => /too many|429/i.test(why);

export async function issueToAll(
  order: BulkOrder,
  issue: (trainer: Trainer) => Promise<CommandEvent>,
  progressed: (progress: BulkProgress) => void,
  wait: (ms: number) => Promise<void>,
): Promise<BulkProgress> {
  const progress: BulkProgress = { ...order, commands: [], refused: [], done: false };
  for (const trainer of order.trainers) {
    for (let tried = 1; ; tried++) {
      try {
        progress.commands.push((await issue(trainer)).command_id);
        break;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        if (!isPutOff(why) || tried === kTries) {
          progress.refused.push({ session: trainerKey(trainer), why });
          break;
        }
        await wait(kAgainMs);
      }
    }
    progressed({ ...progress });
    await wait(kEveryMs);
  }
  progress.done = true;
  progressed({ ...progress });
  return progress;
}
