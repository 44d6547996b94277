// Memory stays flat over a million malformed calls, and the next valid call is answered correctly.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { checkEntry, checkPolicy, compare, initSync, narrow, Policy } from "../../pkg/dist/pullgate.js";
import { measure, run } from "./memory.mjs";

const { memory } = initSync({ module: readFileSync(new URL("../../pkg/dist/pullgate_bg.wasm", import.meta.url)) });

const loaded = Policy.load('{"whitelist": ["*.example.com"]}', 0);
const policy = loaded.policy;

const refused = [
  () => policy.decide(undefined),
  () => policy.decide(17),
  () => policy.decide({}),
  () => policy.decide({ reference: "a.example.com/b", facs: [] }),
  () => policy.decide({ reference: "a.example.com/b", kind: "pull" }),
  () => policy.decideText({ reference: ["a.example.com/b"] }),
  () => policy.decideMany("a.example.com/b"),
  () => policy.decideMany(["a.example.com/b", null]),
  () => policy.explain({ reference: "a.example.com/b", dnsAnswers: [{ kind: "reverse" }] }),
  () => checkEntry(17, "whitelist"),
  () => checkEntry("a.example.com", "blacklist"),
  () => checkPolicy(null, 0),
  () => checkPolicy("{}", -1),
  () => compare("{}", {}, 0),
  () => compare("{}", "{}"),
  () => narrow(null, "{}", 0),
  () => Policy.load({ whitelist: [] }, 0),
  () => Policy.load("{}", "now"),
];

const answered = [
  () => policy.decide("a.example.com:port/b"),
  () => checkEntry("https://user:secret@*.*.example.com:0/?q", "whitelist"),
  () => checkEntry("\ud800", "insecure"),
  () => checkPolicy('{"whitelist": [', 0),
  () => compare('{"whitelist": ["a.example.com"]}', "{}", 0),
  () => compare('{"whitelist": [', "[]", 0),
  () => narrow('{"whitelist": ["a.example.com"]}', '{"whitelist": ["b.example.com"]}', 0),
  () => Policy.load('{"whitelist": ["*"], "whitelist": 1}', 0),
];

test("a value of the wrong kind is a TypeError that says what is wrong", () => {
  for (const call of refused) {
    assert.throws(call, (error) => error instanceof TypeError && error.message.length > 10, call.toString());
  }
});

test("a member that a request does not have is refused, and named", () => {
  assert.throws(() => policy.decide({ reference: "a.example.com/b", facs: [] }), /`facs`/);
});

test("memory stays flat over a million malformed calls", () => {
  const calls = [...refused, ...answered];
  run(calls, 20_000);
  const [module, heap] = measure(memory);
  run(calls, 1_000_000);
  const [moduleAfter, heapAfter] = measure(memory);
  assert.equal(moduleAfter, module, "the module's memory grew");
  assert.ok(heapAfter - heap < 4_000_000, `JavaScript's memory grew by ${heapAfter - heap} bytes`);
});

test("the next good call is answered right", () => {
  assert.equal(policy.decide("a.example.com/b").decision, "allow");
  assert.equal(policy.decide("b.example.org/b").decision, "deny");
  assert.equal(checkEntry("Harbor.Corp.Local.", "whitelist").entry, "harbor.corp.local");
});

test("memory stays flat over many policies that are loaded and freed", () => {
  const text = JSON.stringify({ whitelist: Array.from({ length: 100 }, (_, index) => `host-${index}.example.com`) });
  const load = (times) => {
    for (let time = 0; time < times; time++) Policy.load(text, 0).policy.free();
  };
  load(100);
  const [module] = measure(memory);
  load(2_000);
  assert.equal(measure(memory)[0], module);
});
