import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLogin } from "../src/login";

test("who looks is what the server says, and nobody where it says nothing that is known", () => {
  assert.deepEqual(parseLogin({ user: "alice", role: "operator", login: true }), { user: "alice", mayCommand: true, mayDelete: false });
  assert.deepEqual(parseLogin({ user: "bob", role: "viewer", login: true }), { user: "bob", mayCommand: false, mayDelete: false });
  assert.deepEqual(parseLogin({ user: "carol", role: "admin" }), { user: "carol", mayCommand: true, mayDelete: true });
  assert.deepEqual(parseLogin({ user: "eve", role: "superuser" }), { user: "eve", mayCommand: false, mayDelete: false });
  for (const none of [null, "x", {}, { user: 1, role: "operator" }]) assert.equal(parseLogin(none), null);
});
