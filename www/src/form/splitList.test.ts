import assert from "node:assert/strict";
import { test } from "node:test";
import { isPlainLines, splitList } from "./splitList";

const THREE = ["a.example:5000", "[2001:db8::1]:443", "10.0.0.0/8"];

test("entries are found whatever separates them", () => {
  for (const text of [
    THREE.join("\n"),
    THREE.join("\r\n"),
    THREE.join(", "),
    THREE.join(";"),
    THREE.join("\t"),
    THREE.join(" "),
    THREE.join(" | "),
    `  ${THREE.join(",\n  ")},\n`,
    THREE.map((entry) => `- ${entry}`).join("\n"),
    THREE.map((entry) => `* ${entry}`).join("\n"),
    THREE.map((entry) => `• ${entry}`).join("\n"),
    THREE.map((entry, index) => `${index + 1}. ${entry}`).join("\n"),
    THREE.map((entry, index) => `${index + 1}) ${entry}`).join("\n"),
    THREE.map((entry) => `  - "${entry}"`).join("\n"),
    `registries:\n${THREE.map((entry) => `  - '${entry}'`).join("\n")}`,
    `registries: [${THREE.map((entry) => `"${entry}"`).join(", ")}]`,
    `whitelist = [\n${THREE.map((entry) => `  "${entry}",`).join("\n")}\n]\n`,
    `[registries]\nwhitelist = [${THREE.map((entry) => `"${entry}"`).join(",")}]`,
    JSON.stringify(THREE),
    JSON.stringify(THREE, undefined, 2),
    JSON.stringify(THREE.map((host) => ({ host, port: 1 }))),
    JSON.stringify({ registries: { allowed: THREE } }),
    `Registry,Owner\n${THREE.map((entry) => `${entry},"Smith, J."`).join("\n")}\n`,
    `Owner;Host\n${THREE.map((entry) => `me;${entry}`).join("\n")}`,
    THREE.map((entry) => `--whitelist-registry=${entry}`).join(" "),
    THREE.map((entry) => `--whitelist-registry ${entry}`).join(" "),
    `\uFEFF# from the wiki\n${THREE.join("\n")}\n\n`,
  ]) {
    assert.deepEqual(splitList(text).map(({ entry }) => entry), THREE, text);
  }
});

test("what a text says of an entry is kept", () => {
  assert.deepEqual(splitList("a.example # until March\nb.example"), [
    { entry: "a.example", comment: "until March" },
    { entry: "b.example" },
  ]);
  assert.deepEqual(splitList("host,insecure,comment\na.example,yes,\nb.example,no,\"the \"\"lab\"\"\"\n,,nothing"), [
    { entry: "a.example", insecure: true },
    { entry: "b.example", comment: 'the "lab"' },
  ]);
  assert.deepEqual(splitList('{"insecure-registries": ["a.example"], "registry-mirrors": ["https://b.example"]}'), [
    { entry: "a.example", insecure: true },
    { entry: "https://b.example" },
  ]);
  assert.deepEqual(splitList('[{"entry": "a.example", "comment": "x", "insecure": true}, 7, null, "b.example"]'), [
    { entry: "a.example", insecure: true, comment: "x" },
    { entry: "b.example" },
  ]);
});

test("what belongs to one entry is not split", () => {
  for (const entry of [
    "https://a.example/team/app",
    "10.0.0.1-10.0.0.9",
    "a.example:5000/x#y",
    "*.a.example",
    "[::1]",
    "2001:db8::/32",
    "http://user:word@h.example",
    "localhost",
  ]) {
    assert.deepEqual(splitList(entry), [{ entry }], entry);
    assert.ok(isPlainLines(entry), entry);
  }
  assert.deepEqual(splitList("10.0.0.1 - 10.0.0.9"), [{ entry: "10.0.0.1-10.0.0.9" }]);
});

test("nothing comes of nothing, and broken JSON is text", () => {
  for (const text of ["", " \n ", "# only a comment", "[]", "{}", "registries:", "[section]", "7,8".slice(1, 2)]) {
    assert.deepEqual(splitList(text), [], JSON.stringify(text));
  }
  assert.deepEqual(splitList('["a.example", "b.example"').map(({ entry }) => entry), ["a.example", "b.example"]);
  assert.ok(!isPlainLines("a.example, b.example") && !isPlainLines("- a.example") && !isPlainLines('["a"]'));
  assert.ok(isPlainLines("a.example\n\n10.0.0.0/8\r\nb.example:5000"));
});
