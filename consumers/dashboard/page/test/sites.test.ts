import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { MetricsRequestSchema, type MetricsRequest } from "../generated/trainbus_pb";
import { AlertDesk, applyAlert, parseAlerts, type Alerts } from "../src/alerts";
import { compareHref, itemId, readCompared } from "../src/compare";
import type { SocketLike, Timers } from "../src/live_socket";
import { eventOf, type AlertEvent } from "../src/protocol";
import { apiOf, siteKey, trainerHref } from "../src/route";
import { Sites } from "../src/sites";
import { TrainerRows } from "../src/trainer_rows";

class FakeSocket implements SocketLike {
  binaryType = "";
  onopen: SocketLike["onopen"] = null;
  onclose: SocketLike["onclose"] = null;
  onmessage: SocketLike["onmessage"] = null;
  sent: string[] = [];
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {}
  hear(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) } as MessageEvent);
  }
  hearRecord(record: MetricsRequest): void {
    const bytes = toBinary(MetricsRequestSchema, record);
    this.onmessage?.({ data: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) } as MessageEvent);
  }
}
const timers: Timers = { set: () => 0, clear: () => {} };  // nothing happens by itself
const row = (id: number, trainer: string) => ({ id, run: "r", trainer, state: "ALIVE", incarnation: "1" });
const answer = { sites: [{ name: "lab", broker: "tcp://a" }, { name: "cluster", broker: "tcp://b" }] };
const own = { broker: "tcp://a", link: "open" as const, brokerConnected: true };

test("the trainers of every site are in one list, apart though they have one name", () => {
  const opened = new Map<string, FakeSocket>();
  const sites = new Sites({ open: (base) => opened.set(base, new FakeSocket()).get(base)!, applied: () => {}, opened: () => {}, alert: () => {}, changed: () => {}, timers });
  sites.begin(answer, "/");
  const other = opened.get("at/cluster/")!;
  assert.equal(opened.size, 1, "its own has a socket already");
  other.onopen?.({} as Event);
  sites.askForList(["value:f1"]);
  assert.deepEqual(other.sent.map((text) => JSON.parse(text)), [{ type: "list", columns: [] }, { type: "list", columns: ["value:f1"] }]);
  const rows = new TrainerRows();
  rows.take({ whole: true, rows: [row(1, "t")], gone: [] });
  other.hear({ type: "bus", broker_connected: false });
  other.hear({ type: "list", whole: true, rows: [row(1, "t")], gone: [] });
  const merged = sites.trainers(rows.trainers);
  assert.deepEqual([...merged.keys()], ["r/t", "at/cluster/r/t"]);
  assert.equal(sites.trainers(rows.trainers), merged, "the same map while nothing changed");
  assert.deepEqual(sites.list(own).map(({ name, base, brokerConnected }) => [name, base, brokerConnected]), [["lab", "", true], ["cluster", "at/cluster/", false]]);
  const there = merged.get("at/cluster/r/t")!;
  assert.deepEqual([there.site, trainerHref(there), apiOf(there)], ["cluster", "at/cluster/#/trainer/r/t", "at/cluster/api/trainers/r/t"]);
  const [item] = readCompared(new URLSearchParams(compareHref([there]).replace(/^.*\?/, ""))).items;
  assert.deepEqual([itemId(item!), apiOf(item!)], ["cluster:r/t", "at/cluster/api/trainers/r/t"]);
});

test("alerts of every site are heard, apart though they are of one name and rule", () => {
  const opened = new Map<string, FakeSocket>();
  const alerts: Alerts = new Map();
  const asked: string[] = [];
  const sites = new Sites({
    open: (base) => opened.set(base, new FakeSocket()).get(base)!,
    applied: () => {},
    opened: (base) => asked.push(base),
    alert: (event, base) => applyAlert(alerts, event, base),
    changed: () => {},
    timers,
  });
  sites.begin(answer, "/");
  const other = opened.get("at/cluster/")!;
  other.onopen?.({} as Event);
  assert.deepEqual(asked, ["at/cluster/"], "what was raised before is asked for");
  const alert = create(MetricsRequestSchema, { sessionId: "r/t", timestampMs: 5n, payload: { case: "alert", value: { rule: "stalled", alertId: "a", active: true, message: "m" } } });
  other.hearRecord(alert);
  applyAlert(alerts, eventOf(alert) as AlertEvent);
  assert.deepEqual([...alerts.values()].map((one) => [one.id, siteKey(one), trainerHref(one)]), [
    ["at/cluster/a", "at/cluster/r/t", "at/cluster/#/trainer/r/t"],
    ["a", "r/t", "#/trainer/r/t"],
  ]);
  const desk = new AlertDesk("", () => {});
  desk.silence(alerts.get("a")!, 100);
  assert.deepEqual([...alerts.values()].map((one) => desk.calls(one, 10)), [true, false]);
  assert.equal(parseAlerts({ alerts: [{ alert_id: "b", run: "r", trainer: "t" }] }, "at/cluster/").get("at/cluster/b")?.base, "at/cluster/");
});

test("one broker has no sites, and the page of one of several shows its own alone", () => {
  const nobody = () => assert.fail("no other socket");
  const alone = new Sites({ open: nobody, applied: () => {}, opened: () => {}, alert: () => {}, changed: () => {}, timers });
  alone.begin({ sites: [{ name: "", broker: "tcp://a" }] }, "/");
  assert.deepEqual(alone.list(own), []);
  const there = new Sites({ open: nobody, applied: () => {}, opened: () => {}, alert: () => {}, changed: () => {}, timers });
  there.begin(answer, "/dashboard/at/cluster/");
  assert.equal(there.own, "cluster");
  for (const nonsense of [null, {}, { sites: 7 }, { sites: [null, 7] }]) assert.doesNotThrow(() => alone.begin(nonsense && "sites" in nonsense && Array.isArray(nonsense.sites) ? { sites: [] } : nonsense, "/"));
});
