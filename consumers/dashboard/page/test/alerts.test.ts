import assert from "node:assert/strict";
import { test } from "node:test";
import { AlertDesk, applyAlert, parseAlerts, sortedAlerts, type Alerts } from "../src/alerts";
import type { AlertEvent } from "../src/protocol";

const said = (alert_id: string, timestamp_ms: number, active: boolean, message = "bad"): AlertEvent => ({
  kind: "alert", run: "r", trainer: "t", step: 0, incarnation: 1n, alert_id, rule: "stalled", message, active, timestamp_ms,
});

test("the records of an alert are one entry, in whatever order they come", () => {
  for (const order of [[0, 1], [1, 0]]) {
    const alerts: Alerts = new Map();
    const records = [said("a", 1000, true), said("a", 3000, false)];
    for (const i of order) applyAlert(alerts, records[i]!);
    const { raisedAt, endedAt } = alerts.get("a")!;
    assert.deepEqual([raisedAt, endedAt, alerts.size], [1000, 3000, 1]);
  }
});

test("alerts that stand come first, then the newest", () => {
  const alerts: Alerts = new Map();
  for (const [id, at, active] of [["old", 1, true], ["over", 5, false], ["new", 3, true]] as const) applyAlert(alerts, said(id, at, active));
  assert.deepEqual(sortedAlerts(alerts).map(({ id }) => id), ["new", "old", "over"]);
});

test("past the bound those that are over go first, then the oldest", () => {
  const alerts: Alerts = new Map();
  applyAlert(alerts, said("stands", 1, true));
  applyAlert(alerts, said("over", 2, false));
  for (let i = 0; i < 999; i++) applyAlert(alerts, said(`${i}`, 3 + i, true));
  assert.deepEqual([alerts.size, alerts.has("stands"), alerts.has("over")], [1000, true, false]);
  applyAlert(alerts, said("one more", 5000, true));
  assert.deepEqual([alerts.size, alerts.has("stands"), alerts.has("one more")], [1000, false, true]);
});

test("what was raised before the page came is taken as far as it makes sense", () => {
  const alerts = parseAlerts({ alerts: [{ alert_id: "a", run: "r", trainer: "t", rule: "dead", message: "m", raised_ms: 5, ended_ms: null }, {}, 7, null] });
  assert.deepEqual([...alerts.values()], [{ id: "a", run: "r", trainer: "t", rule: "dead", message: "m", raisedAt: 5, endedAt: 0 }]);
  assert.equal(parseAlerts(null).size, 0);
});

test("an alert calls until it is over, acknowledged or silenced, and calls again when the silence ends", () => {
  let kept = "";
  const desk = new AlertDesk("", (text) => (kept = text));
  const alerts: Alerts = new Map();
  for (const id of ["a", "b"]) applyAlert(alerts, said(id, 1000, true));
  const [a, b] = [alerts.get("a")!, alerts.get("b")!];
  desk.acknowledge(a);
  assert.deepEqual([desk.calls(a, 2000), desk.calls(b, 2000)], [false, true]);
  desk.silence(b, 60_000);
  assert.deepEqual([desk.calls(b, 2000), desk.calls(b, 61_000)], [false, true]);
  const later = new AlertDesk(kept, () => {});
  assert.deepEqual([later.isAcknowledged(a), later.silencedUntil(b, 2000)], [true, 60_000], "another page of this browser knows");
  desk.hear(a);
  desk.hear(b);
  assert.deepEqual([desk.calls(a, 2000), desk.calls(b, 2000)], [true, true]);
  applyAlert(alerts, said("a", 3000, false));
  assert.equal(desk.calls(a, 4000), false);
});

test("what is stored and makes no sense is as if nothing was stored", () => {
  for (const stored of ["", "{", "[]", "null", '{"acknowledged":7,"silenced":"x"}']) assert.equal(new AlertDesk(stored, () => {}).silencedUntil(sortedAlerts(parseAlerts({ alerts: [{ alert_id: "a" }] }))[0]!, 0), 0);
});
