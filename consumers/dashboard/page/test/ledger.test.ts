import assert from "node:assert/strict";
import { test } from "node:test";
import { ledgerLines, parseLedgers } from "../src/ledger";

const answer = (changed: object = {}) => ({
  ledgers: [{
    incarnation: "7", newest: true, heard: true, unnumbered: 0, open_sums: [],
    records: [{ kind: "batch", produced: 1234, stored: 1230, lost: 0, in_outbox: 4 }, { kind: "epoch", produced: 3, stored: 2, lost: 1, in_outbox: 0 }],
    tiles: { produced: 50, skipped_no_demand: 30, dropped_at_source: 2, sent: 18, broker_in: 17, lost_on_link: 1, lost_to_consumers: 0 },
    ...changed,
  }],
});
const words = (said: unknown, drawn: { shown: number; leftOut: number } | null = null) => ledgerLines(parseLedgers(said)[0]!, drawn).map(({ what, text }) => `${what}: ${text}`);

test("every stage is said in words, and whether the sums close", () => {
  assert.deepEqual(words(answer(), { shown: 16, leftOut: 1 }), [
    "batch: 1,234 produced, 1,230 in the journal, 4 on their way",
    "epoch: 3 produced, 2 in the journal, 1 lost for good",
    "tiles: 50 produced, 30 while nobody watched, 2 dropped by the trainer for newer ones, 18 sent, 17 at the broker, 1 lost on the way there",
    "this page: 16 batches of tiles drawn, 1 left out for newer ones",
    "sums: close: nothing is unaccounted for",
  ]);
});

test("what is not known is not called well", () => {
  assert.match(words(answer({ heard: false })).at(-1)!, /not known: no heartbeat/);
  assert.match(words(answer({ unnumbered: 5 })).at(-1)!, /not known: 5 records/);
  assert.match(words(answer({ open_sums: ["batch: 3 of 5"] })).at(-1)!, /are open: batch: 3 of 5/);
  for (const nonsense of [null, {}, { ledgers: 7 }, { ledgers: [null, { records: 7, tiles: "x", open_sums: {} }] }]) assert.doesNotThrow(() => parseLedgers(nonsense).map((one) => ledgerLines(one, null)));
});
