// A trainer without an SDK: each record is numbered, sent to the control port, and kept until it is acknowledged.
//   npm ci && node trainer.mjs [RUN] [RECORDS]
import { Dealer } from "zeromq";
import protobuf from "protobufjs";

const [run = "mine", count = "100"] = process.argv.slice(2);
const schema = new URL("../../proto/trainbus.proto", import.meta.url).pathname;
const root = protobuf.loadSync(process.env.TRAINBUS_PROTO ?? schema);
const [MetricsRequest, MetricsResponse] = ["Request", "Response"].map((name) => root.lookupType(`trainbus.v1.Metrics${name}`));
const { KIND_BATCH } = root.lookupEnum("trainbus.v1.Kind").values;
const [, host, port] = (process.env.TRAINBUS_BROKER ?? "tcp://127.0.0.1:7760").match(/^(tcp:\/\/.+):(\d+)$/);
// This start: sequences count from 1 within it. As text, because a number has only 53 bits.
const incarnation = String((BigInt(Date.now()) << 20n) | BigInt(Math.floor(Math.random() * 2 ** 20)));
const socket = new Dealer({ linger: 2000 });
socket.connect(`${host}:${Number(port) + 2}`);
const waiting = new Map(); // sequence -> the record, until the broker's journal has it

const send = (sequence) => socket.send([`batch/${run}/javascript/`, waiting.get(sequence)]);

const acknowledged = (async () => {
  for await (const [bytes] of socket) {
    const answer = MetricsResponse.decode(bytes);
    if (answer.error) throw new Error(`refused: ${answer.error.message}`);
    const stored = (answer.ack?.stored ?? []).filter((p) => p.kind === KIND_BATCH);
    for (const position of stored) for (const s of [...waiting.keys()]) if (s <= Number(position.sequence)) waiting.delete(s);
    if (waiting.size === 0 && sent) return;
  }
})();

let sent = false;
for (let sequence = 1; sequence <= Number(count); ++sequence) {
  const batchData = { epoch: 1, step: sequence, batchLoss: 1 / sequence, scalars: { grad_norm: 0.5 } };
  const record = { sessionId: `${run}/javascript`, incarnation, sequence, timestampMs: Date.now(), batchData };
  waiting.set(sequence, MetricsRequest.encode(MetricsRequest.fromObject(record)).finish());
  await send(sequence);
}
sent = true;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms, true).unref());
for (let tries = 0; waiting.size && tries < 15; ++tries) {
  if (!(await Promise.race([acknowledged, wait(2000)]))) break;
  for (const sequence of waiting.keys()) await send(sequence); // the broker drops what it has already
}
console.log(`${count - waiting.size} of ${count} records stored`);
process.exit(waiting.size ? 1 : 0);
