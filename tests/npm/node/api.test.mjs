// Functions that the package adds to those of the module.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { runInNewContext } from "node:vm";

import * as pullgate from "pullgate";
import * as inline from "pullgate/inline";
import * as inlineSchema from "pullgate/inline/schema";
import * as schema from "pullgate/schema";

const { applyFix, checkCertificates, checkEntry, checkPolicy, compare, isReady, loadPolicy, templateOf } = pullgate;
const { moduleDigest, narrow, ready, rules, version } = pullgate;
const require = createRequire(import.meta.url);
const description = require("pullgate/package.json");
const ca = readFileSync(new URL("../../certificates/ca.pem", import.meta.url), "utf8");
const codes = ({ findings }) => findings.map(({ code }) => code);

test("`require` gives the same functions, as a copy of CommonJS", () => {
  assert.match(require.resolve("pullgate"), /\.cjs$/);
  assert.deepEqual(Object.keys(require("pullgate")).sort(), Object.keys(pullgate).sort());
  assert.deepEqual(Object.keys(require("pullgate/schema")).sort(), Object.keys(schema).sort());
  assert.deepEqual(require("pullgate").checkEntry("a..b", "whitelist"), checkEntry("a..b", "whitelist"));
  assert.equal(require("pullgate").checkEntry, require("pullgate/inline").checkEntry);
});

test("`ready` is not needed, and gives one and the same promise", async () => {
  assert.equal(isReady(), true);
  assert.equal(ready(), ready());
  assert.equal(await ready(), undefined);
});

test("the module for browsers is exported", () => {
  const preamble = readFileSync(require.resolve("pullgate/pullgate.wasm")).subarray(0, 8);
  assert.deepEqual([...preamble], [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
});

test("React Native fails on import, with a remedy", async () => {
  const entry = new URL("react-native.js", import.meta.resolve("pullgate/package.json"));
  await assert.rejects(import(entry), /no WebAssembly: .*`POST \/v1\/decide`/);
});

test("every entry point has the same exports, and the types have them", () => {
  const typed = (name) => {
    const text = readFileSync(new URL(name, import.meta.resolve("pullgate/package.json")), "utf8");
    return [...text.matchAll(/^export (?:function|const) (\w+)/gm)].map(([, name]) => name).sort();
  };
  assert.deepEqual(Object.keys(pullgate), typed("index.d.ts"));
  assert.deepEqual(Object.keys(inline), Object.keys(pullgate));
  assert.deepEqual(Object.keys(schema), typed("schema.d.ts"));
  assert.deepEqual(Object.keys(inlineSchema), Object.keys(schema));
  assert.deepEqual(inline.checkEntry("a..b", "whitelist"), checkEntry("a..b", "whitelist"));
});

test("the digest in package.json is that of the only browser module in the package, and of the one that runs", () => {
  const wasm = readFileSync(new URL("dist/pullgate_bg.wasm", import.meta.resolve("pullgate/package.json")));
  const digest = createHash("sha256").update(wasm).digest("hex");
  assert.equal(description.wasm.sha256, digest);
  assert.equal(moduleDigest(), digest);
  assert.equal(inline.moduleDigest(), digest);
  assert.equal(version(), description.version);
  assert.match(rules(), /^[0-9a-f]{64}$/);
});

test("the component, the interface and the schema are in the package", () => {
  const read = (name) => readFileSync(new URL(import.meta.resolve(`pullgate/${name}`)));
  assert.deepEqual([...read("component.wasm").subarray(0, 8)], [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]);
  assert.match(read("wit/pullgate.wit").toString(), /^package pullgate:policy/);
  assert.equal(JSON.parse(read("policy.schema.json")).title, "A policy of pullgate");
});

test("without a time it is now", () => {
  assert.deepEqual(codes(checkCertificates(ca).certificates[0]), []);
  assert.deepEqual(codes(checkCertificates(ca, 0).certificates[0]), ["certificate-not-yet-valid"]);
  const document = { certificate_authorities: [{ pem: ca }] };
  assert.deepEqual(codes(checkPolicy(document)), []);
  assert.deepEqual(codes(checkPolicy(document, 0)), ["certificate-not-yet-valid"]);
  assert.equal(loadPolicy(document).policy.authorities().length, 1);
  assert.equal(loadPolicy(document, 0).policy.authorities().length, 0);
});

test("a policy is text or an object, which is read no less strictly", () => {
  const document = { whitelist: ["A.example.com"], whitelst: [] };
  assert.deepEqual(checkPolicy(document), checkPolicy(JSON.stringify(document)));
  assert.deepEqual(codes(checkPolicy(document)), ["member-unknown"]);
  assert.equal(checkPolicy({ whitelist: ["A.example.com"] }).canonical, '{"whitelist":["a.example.com"]}');
});

test("a fix is applied to the text that was checked", () => {
  const fixed = (text) => applyFix(text, checkEntry(text, "whitelist").findings[0]);
  assert.deepEqual(fixed("10.2.2/24"), ["10.2.2.0/24"]);
  assert.deepEqual(fixed("10.0.0.0-10.0.0.4"), ["10.0.0.0/30", "10.0.0.4"]);
  assert.throws(() => applyFix("a..b", checkEntry("a..b", "whitelist").findings[0]), TypeError);
});

test("a message is taken apart into what is said and what it is said of", () => {
  const templates = (text) => checkEntry(text, "whitelist").findings.map(templateOf);
  assert.deepEqual(templates("10.2.2/24"), [
    { template: "`{0}` has {1} of the {2} numbers of an IPv4 network", parameters: ["10.2.2/24", "3", "4"] },
  ]);
  assert.deepEqual(templateOf({ message: "`CN=a` expired on 2026-01-02T03:04:05Z, after 1,024 days" }), {
    template: "`{0}` expired on {1}, after {2} days",
    parameters: ["CN=a", "2026-01-02T03:04:05Z", "1,024"],
  });
  // The same finding about other input has the same template, and its parts make the message again.
  for (const [one, other] of [["a.example:0", "b.example:99999"], ["1.2.3.4/33", "5.6.7.8/99"], ["a..b", "c..d"]]) {
    assert.deepEqual(templates(one).map(({ template }) => template), templates(other).map(({ template }) => template));
    for (const finding of checkEntry(one, "whitelist").findings) {
      const { template, parameters } = templateOf(finding);
      assert.equal(template.replace(/\{(\d+)\}/g, (_, index) => parameters[index]), finding.message);
    }
  }
});

test("a time is in seconds, or a Date, and milliseconds are refused", () => {
  const at = new Date("2031-01-01T00:00:00.9Z");
  assert.deepEqual(checkCertificates(ca, at), checkCertificates(ca, Math.floor(at.getTime() / 1000)));
  for (const check of [checkPolicy, loadPolicy, (document, at) => compare(document, document, at)]) {
    assert.throws(() => check({}, Date.now()), /looks like milliseconds: pass a Date/);
    assert.throws(() => check({}, new Date(NaN)), /invalid date/);
    assert.throws(() => check({}, -1), /whole number of seconds/);
  }
});

test("the bytes of another realm are bytes", () => {
  const foreign = runInNewContext("Uint8Array").from(Buffer.from(ca));
  assert.equal(foreign instanceof Uint8Array, false);
  assert.deepEqual(checkCertificates(foreign, 0), checkCertificates(ca, 0));
  assert.throws(() => checkCertificates({ [Symbol.toStringTag]: "Uint8Array" }, 0), TypeError);
});

test("a policy says what another one in its place would do", () => {
  const { policy } = loadPolicy({ whitelist: ["10.0.0.0/9"] });
  const { ok, comparison } = policy.compare({ whitelist: ["10.0.0.0/8"] });
  assert.deepEqual([ok, comparison.verdict, comparison.regions.map(({ hosts }) => hosts)], [true, "wider", [["10.128.0.0/9"]]]);
  assert.deepEqual(policy.compare('{"whitelist":["10.0.0.0/9"]}').comparison.verdict, "same");
  assert.deepEqual(codes({ findings: policy.compare({ whitelist: ["a..b"] }).second }), ["name-label-empty"]);
  assert.throws(() => policy.compare(7), TypeError);
  policy.dispose();
  assert.throws(() => policy.compare({}), /disposed/);
});

test("a policy is narrowed to what it covers", () => {
  const policy = { whitelist: ["*.example.com"] };
  assert.deepEqual(narrow(policy, { whitelist: ["a.example.com"] }), { ok: true, document: '{"whitelist":["a.example.com"]}' });
  assert.equal(narrow(policy, { whitelist: ["example.net"] }).uncovered.entry, "example.net");
  assert.equal(compare(policy, policy).comparison.verdict, "same");
});

test("a document with an error has findings and no policy", () => {
  const loaded = loadPolicy({ whitelist: ["a..b"] });
  assert.deepEqual(Object.keys(loaded), ["ok", "findings"]);
  assert.equal(loaded.ok, false);
  assert.deepEqual(codes(loaded), ["name-label-empty"]);
});

test("a policy decides until it is disposed of", () => {
  const { policy } = loadPolicy({ whitelist: ["*.example.com"] });
  const decisions = policy.decideMany(["a.example.com/b", { reference: "alpine" }]);
  assert.deepEqual(decisions.map(({ decision }) => decision), ["allow", "deny"]);
  assert.equal(policy.explain("a.example.com/b").steps.at(-1).kind, "outcome");
  assert.throws(() => policy.decide({ reference: "a.example.com/b", facs: [] }), /`facs`/);
  const { decide } = policy;
  assert.equal(decide("a.example.com/b").decision, "allow");
  for (const request of [undefined, null, 7]) {
    assert.throws(() => policy.decide(request), /^TypeError: `request` must be an image/);
  }
  const promise = Promise.resolve("a.example.com/b");
  for (const [request, message] of [[promise, /`await` it first/], [new Map(), /no `reference`/]]) {
    assert.throws(() => policy.decide(request), message);
    assert.throws(() => policy.decideMany(["alpine", request]), message);
  }
  policy[Symbol.dispose]();
  policy.dispose();
  assert.throws(() => policy.decide("a.example.com/b"), /disposed/);
});
