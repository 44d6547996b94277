// The validators, called as by a form library.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import Ajv from "ajv/dist/2020.js";

import { checkPolicy } from "pullgate";
import { builtInEntry, certificates, insecureEntry, policy, policyText, whitelistEntry } from "pullgate/schema";

const ca = readFileSync(new URL("../../certificates/ca.pem", import.meta.url));
const validate = (schema, value) => schema["~standard"].validate(value);
const issues = (schema, value) => validate(schema, value).issues?.map(({ code, path }) => [code, path]);

test("validators are of version 1", () => {
  for (const schema of [builtInEntry, certificates, insecureEntry, policy, policyText, whitelistEntry]) {
    assert.equal(schema["~standard"].version, 1);
    assert.equal(schema["~standard"].vendor, "pullgate");
  }
});

test("valid values pass unchanged, with their warnings", () => {
  const document = { whitelist: ["a.example.com", "a.example.com"] };
  for (const [schema, value] of [
    [whitelistEntry, "Harbor.Corp.Local."],
    [insecureEntry, "10.2.0.0/16"],
    [certificates, ca.toString()],
    [certificates, new Uint8Array(ca)],
    [policy, document],
    [policyText, '{"whitelist": ["a.example.com"]}'],
  ]) {
    const result = validate(schema, value);
    assert.equal(result.issues, undefined);
    assert.equal(result.value, value);
  }
  assert.ok(checkPolicy(document).findings.some(({ code }) => code === "entry-duplicate"));
});

test("each list has its own rules", () => {
  assert.equal(issues(whitelistEntry, "docker.io/library"), undefined);
  assert.deepEqual(issues(insecureEntry, "docker.io/library"), [["namespace-insecure", undefined]]);
  assert.equal(issues(builtInEntry, "registry.example.com"), undefined);
});

test("an issue has the code, the range and the fix", () => {
  const { issues } = validate(insecureEntry, "10.2.2/24");
  assert.deepEqual(issues.map(({ message, ...issue }) => issue), [
    { code: "network-octets-missing", range: { start: 0, end: 9, startUtf16: 0, endUtf16: 9 }, fix: "10.2.2.0/24" },
  ]);
  assert.ok(issues[0].message.length > 10);
});

test("a value of another type is an issue, and nothing is thrown", () => {
  for (const value of [undefined, null, 7, true, [], () => ""]) {
    assert.deepEqual(issues(whitelistEntry, value), [["type-wrong", undefined]]);
    assert.deepEqual(issues(certificates, value), [["type-wrong", undefined]]);
    assert.deepEqual(issues(policyText, value), [["type-wrong", undefined]]);
  }
  for (const value of [undefined, null, 7, true, "{}", () => ""]) {
    assert.deepEqual(issues(policy, value), [["type-wrong", undefined]]);
  }
  assert.deepEqual(issues(policy, []), [["type-wrong", undefined]]);
});

test("certificates have the issues of each, and of the text around them", () => {
  assert.deepEqual(issues(certificates, ""), [["certificate-none", undefined]]);
  const leaf = readFileSync(new URL("../../certificates/rsa-1024.pem", import.meta.url), "utf8");
  assert.deepEqual(issues(certificates, leaf), [["certificate-key-weak", undefined]]);
});

test("a path has names and numbers", () => {
  const document = {
    whitelist: ["a.example.com", "a..b", { entry: "c..d" }],
    projects: { "0": { insecure: ["e..f"] }, "a/b~c": { whitelist: ["g..h"] } },
  };
  const expected = [
    ["name-label-empty", ["whitelist", 1]],
    ["name-label-empty", ["whitelist", 2, "entry"]],
    ["name-label-empty", ["projects", "0", "insecure", 0]],
    ["name-label-empty", ["projects", "a/b~c", "whitelist", 0]],
  ];
  assert.deepEqual(issues(policy, document), expected);
  assert.deepEqual(issues(policyText, JSON.stringify(document)), expected);
  assert.equal(validate(policy, document).issues[0].range, undefined);
  assert.equal(typeof validate(policyText, JSON.stringify(document)).issues[0].range.start, "number");
  assert.deepEqual(issues(policyText, "{"), [["json-syntax", undefined]]);
});

test("the JSON Schema says of the shape of every document what the module says", () => {
  const schema = JSON.parse(readFileSync(new URL(import.meta.resolve("pullgate/policy.schema.json")), "utf8"));
  const fits = new Ajv({ strict: true }).compile(schema);
  const folder = new URL("../../vectors/", import.meta.url);
  const shape = new Set(["type-wrong", "member-unknown", "member-missing", "document-foreign"]);
  let seen = { fit: 0, unfit: 0 };
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json") && name !== "schema.json")) {
    for (const { name, document, policy = document } of JSON.parse(readFileSync(new URL(file, folder), "utf8")).cases) {
      if (policy === undefined) continue;
      const expected = !checkPolicy(policy).findings.some(({ code }) => shape.has(code));
      assert.equal(fits(policy), expected, name);
      seen[expected ? "fit" : "unfit"] += 1;
    }
  }
  assert.ok(seen.fit > 50 && seen.unfit > 5, JSON.stringify(seen));
});
