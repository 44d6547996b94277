// Input that only JavaScript can give: text with lone surrogates, and values of other types. Text is answered, a value of
// another type is a TypeError, and the module still works after each.

import assert from "node:assert/strict";
import { checkCertificates, checkEntry, checkPolicy, Policy } from "./module.mjs";

const { policy } = Policy.load('{"whitelist": ["*.example.com"]}', 0);

function works() {
  assert.equal(checkEntry("harbor.corp", "whitelist").entry, "harbor.corp");
  assert.equal(policy.decide("a.example.com/x").decision, "allow");
}

for (const text of ["\ud800", "a\udc00.corp", "\ud83d", "*.\ud83d\ud83d.example.com", "\u{10ffff}", "\0"]) {
  const report = checkEntry(text, "whitelist");
  assert.equal(report.entry, undefined, JSON.stringify(text));
  assert.ok(report.findings.some(({ severity }) => severity === "error"));
  assert.equal(policy.decide(text).reason, "invalid-reference");
  assert.equal(policy.decide({ reference: text, kind: "registry" }).reason, "invalid-reference");
  assert.equal(Policy.load(`{"insecure": ["${text}"]}`, 0).ok, false);
  assert.equal(Policy.load(text, 0).ok, false);
  works();
}

const values = [undefined, null, 0, 1.5, NaN, true, 7n, Symbol("x"), {}, [], () => "a", new Date(0), new String("a"), new Proxy({}, {})];
for (const value of values) {
  assert.throws(() => checkEntry(value, "whitelist"), TypeError);
  assert.throws(() => checkEntry("a.corp", value), TypeError);
  assert.throws(() => checkPolicy(value, 0), TypeError);
  assert.throws(() => checkCertificates(value, 0), TypeError);
  assert.throws(() => Policy.load(value, 0), TypeError);
  assert.throws(() => policy.decide(value), TypeError);
  assert.throws(() => policy.decideText(value), TypeError);
  assert.throws(() => policy.explain(value), TypeError);
  works();
}
for (const at of [undefined, null, "0", -1, 1.5, NaN, Infinity, 7n, {}]) {
  for (const check of [() => Policy.load("{}", at), () => checkCertificates("", at)]) {
    assert.throws(check, (error) => error instanceof TypeError || error instanceof RangeError, `${String(at)}`);
  }
  works();
}

// Other array-like values are neither text nor bytes, and a view of a part of a buffer is that part.
const empty = (report) => assert.deepEqual(report.findings.map(({ code }) => code), ["certificate-none"]);
for (const value of [new ArrayBuffer(4), new Uint16Array(4), new DataView(new ArrayBuffer(4)), [45, 45]]) {
  assert.throws(() => checkCertificates(value, 0), TypeError);
  works();
}
empty(checkCertificates("\ud800", 0));
empty(checkCertificates(new Uint8Array(), 0));
empty(checkCertificates(new Uint8Array(Buffer.from("-----BEGIN X-----")).subarray(3, 3), 0));
works();

const cycle = { reference: "a.example.com/x" };
cycle.project = cycle;
const requests = [
  cycle,
  { reference: 1 },
  { reference: "a.example.com/x", kind: "picture" },
  { reference: "a.example.com/x", project: 7 },
  { reference: "a.example.com/x", dnsAnswers: {} },
  { reference: "a.example.com/x", dnsAnswers: [{ kind: "reverse", subject: "10.0.0.1" }] },
  { reference: "a.example.com/x", dnsAnswer: [] },
  { reference: "a.example.com/x", dnsAnswers: Array(33).fill({ kind: "reverse", subject: "10.0.0.1", answers: [] }) },
  { reference: "a.example.com/x", dnsAnswers: [{ kind: "reverse", subject: "10.0.0.1", answers: Array(257).fill("a") }] },
  { reference: "a.example.com/x", dnsAnswers: [{ kind: "reverse", subject: "10.0.0.1", answers: ["a".repeat(254)] }] },
  { kind: "image" },
  { get reference() { throw new TypeError("no"); } },
  { toJSON() { return 7; } },
];
for (const request of requests) {
  assert.throws(() => policy.decide(request), TypeError, Object.keys(request).join());
  works();
}
console.log("ok");
