// Only text and plain objects are documents: every other value is a TypeError with a remedy, and none allows anything.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";

import { checkPolicy, compare, loadPolicy, narrow } from "pullgate";
import { policy as policySchema } from "pullgate/schema";

const document = { whitelist: ["a.example.com"] };
const { policy } = loadPolicy(document);

class WithMember {
  whitelist = ["a.example.com"];
}
class WithGetter {
  get whitelist() {
    return ["a.example.com"];
  }
}
class List extends Array {}

// Each value with what the message names.
const REFUSED = [
  [undefined, /^`\w+` must be JSON text or a plain object, not undefined$/],
  [null, /not null$/],
  [7, /not a number$/],
  [true, /not a boolean$/],
  [7n, /not a bigint$/],
  [Symbol("x"), /not a symbol$/],
  [() => document, /not a function$/],
  [Promise.resolve(document), /is a promise: `await` it first$/],
  [{ then: () => document }, /is a promise: `await` it first$/],
  [new Map(Object.entries(document)), /is an object of class Map: pass JSON text or a plain object$/],
  [new Set(["a.example.com"]), /class Set/],
  [new WithMember(), /class WithMember/],
  [new WithGetter(), /class WithGetter/],
  [new Response(JSON.stringify(document)), /class Response: pass the result of `await response.json\(\)`$/],
  [new FormData(), /class FormData/],
  [new URLSearchParams("whitelist=a.example.com"), /class URLSearchParams/],
  [new Error("x"), /class Error/],
  [new Date(0), /class Date/],
  [new String("{}"), /class String/],
  [new Uint8Array(2), /class Uint8Array/],
  [Object.create(document), /with a prototype of its own/],
  [Object.create(Object.assign(Object.create(null), document)), /with a prototype of its own/],
  [Object.create(null, { whitelist: { value: ["a.example.com"] } }), /member `whitelist` that JSON would not have/],
  [{ [Symbol("whitelist")]: ["a.example.com"] }, /member `Symbol\(whitelist\)` that JSON would not have/],
];

const REFUSED_MEMBERS = [
  [undefined, /^`\w+(\.\w+|\[\d\])+` is undefined: leave the member out$/],
  [() => [], /is a function: pass its result$/],
  [Symbol("x"), /is a symbol, which JSON does not have: pass a string$/],
  [7n, /is a bigint, which JSON does not have/],
  ...REFUSED.slice(7),
];

function assertRefused(value, message) {
  for (const call of [
    () => loadPolicy(value),
    () => checkPolicy(value),
    () => compare(value, document),
    () => compare(document, value),
    () => narrow(value, document),
    () => narrow(document, value),
    () => policy.compare(value),
  ]) {
    assert.throws(call, (error) => error instanceof TypeError && message.test(error.message), `${call}: ${message}`);
  }
  const { issues } = policySchema["~standard"].validate(value);
  assert.deepEqual(issues.map(({ code }) => code), ["type-wrong"]);
}

test("a value that is neither text nor a plain object is refused with a remedy", () => {
  for (const [value, message] of REFUSED) assertRefused(value, message);
});

test("so is a member, at any depth, and named by its path", () => {
  for (const [value, message] of REFUSED_MEMBERS) {
    assertRefused({ whitelist: value }, message);
    assertRefused({ whitelist: [value] }, message);
    assertRefused({ projects: { a: { whitelist: [{ entry: "a.example.com", comment: value }] } } }, message);
  }
  assert.throws(
    () => loadPolicy({ projects: { "a b": { whitelist: ["a.example.com", undefined] } } }),
    /^TypeError: `document\.projects\["a b"\]\.whitelist\[1\]` is undefined/,
  );
  const row = { entry: "a.example.com", comment: undefined };
  const { issues } = policySchema["~standard"].validate({ whitelist: [row] });
  assert.deepEqual(issues[0].path, ["whitelist", 0, "comment"]);
});

test("an array with a hole, a cycle and endless depth are refused", () => {
  assertRefused({ whitelist: new Array(1) }, /whitelist\[0\]` is undefined/);
  assertRefused({ whitelist: new Array(2 ** 32 - 1) }, /whitelist\[0\]` is undefined/);
  const cycle = { image_fetch_proxy: {} };
  cycle.image_fetch_proxy.again = cycle;
  assertRefused(cycle, /^`\w+` contains itself, or is nested too deeply$/);
});

test("depth above the module's own limit is a finding of the module", () => {
  let nested = {};
  for (let depth = 0; depth < 150; depth++) nested = { nested };
  const document = { image_fetch_proxy: nested };
  assert.deepEqual(checkPolicy(document).findings, checkPolicy(JSON.stringify(document)).findings);
  assert.equal(loadPolicy(document).ok, false);
});

test("plain objects load, whatever made them", () => {
  const proxy = new Proxy(document, {});
  const marked = Object.defineProperty({ ...document }, "__v_skip", { value: true });
  const observed = Object.defineProperty({ ...document }, Symbol("mobx administration"), { value: {} });
  const getter = { get whitelist() { return ["a.example.com"]; } };
  const withoutPrototype = Object.assign(Object.create(null), document);
  const otherRealm = runInNewContext('({ whitelist: ["a.example.com"] })');
  const array = { whitelist: List.from(document.whitelist) };
  const frozen = Object.freeze({ ...document });
  for (const plain of [proxy, marked, observed, getter, withoutPrototype, otherRealm, array, frozen]) {
    const loaded = loadPolicy(plain);
    assert.equal(loaded.ok, true);
    const decisions = loaded.policy.decideMany(["a.example.com/x", "evil.example.com/x"]);
    assert.deepEqual(decisions.map(({ decision }) => decision), ["allow", "deny"]);
  }
  assert.equal(loadPolicy({}).policy.decide("evil.example.com/x").decision, "allow");
});

test("a getter is read once, so that what was checked is what loads", () => {
  let reads = 0;
  const changing = { get whitelist() { return reads++ === 0 ? ["a.example.com"] : undefined; } };
  assert.equal(loadPolicy(changing).policy.decide("evil.example.com/x").decision, "deny");
  assert.equal(reads, 1);
});

test("a member `__proto__` is a member, and unknown", () => {
  const { findings } = checkPolicy(JSON.parse('{"__proto__": {"whitelist": []}}'));
  assert.deepEqual(findings.map(({ code }) => code), ["member-unknown"]);
});

test("an array is JSON, and no policy", () => {
  assert.deepEqual(checkPolicy([]).findings.map(({ code }) => code), ["type-wrong"]);
});
