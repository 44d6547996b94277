import assert from "node:assert/strict";
import { test } from "node:test";
import { join, split } from "./hostPort";

test("a host and a port, and back", () => {
  for (const [text, host, port] of [
    ["h.example:5000", "h.example", "5000"],
    ["h.example", "h.example", ""],
    ["10.0.0.0/8", "10.0.0.0/8", ""],
    ["[2001:db8::1]:5000", "2001:db8::1", "5000"],
    ["2001:db8::1", "2001:db8::1", ""],
    ["[2001:db8::1]", "[2001:db8::1]", ""],
    ["http://h.example:80", "http://h.example:80", ""],
    ["h:99999", "h", "99999"],
    ["h:", "h:", ""],
    [":5000", ":5000", ""],
    ["a:b:c", "a:b:c", ""],
  ] as const) {
    assert.deepEqual(split(text), { host, port }, text);
    assert.equal(join({ host, port }).text, text);
  }
});

test("where host and port stand in the entry", () => {
  assert.deepEqual(join({ host: "h", port: "1" }), { text: "h:1", hostStart: 0, portStart: 2 });
  assert.deepEqual(join({ host: "::1", port: "1" }), { text: "[::1]:1", hostStart: 1, portStart: 6 });
  assert.deepEqual(join({ host: "", port: "1" }), { text: ":1", hostStart: 0, portStart: 1 });
});
