// The cases of tests/vectors in Chromium: every answer is byte for byte that of Node, which the Rust harness compares with
// native code.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { answers } from "../npm/answers.mjs";
import * as node from "../../pkg/inline.js";
import { withPage } from "./browser.mjs";

test("every case of tests/vectors is answered in the same bytes", { timeout: 120_000 }, async () => {
  const { calls, expected } = recorded();
  assert.ok(calls.length > 1000, `${calls.length} calls`);
  const wasm = readFileSync(new URL("../../pkg/dist/pullgate_bg.wasm", import.meta.url));
  // The package as it is, and an empty page to load it into.
  const files = fileURLToPath(new URL("../../pkg/", import.meta.url));
  const server = { files, daemon: { "index.html": () => ({ text: "" }), "favicon.ico": () => ({ text: "" }) } };
  await withPage({ server, wait: false }, async (page) => {
    const { said, loaded } = await page.evaluate(replay, calls);
    assert.equal(loaded, createHash("sha256").update(wasm).digest("hex"));
    assert.equal(said.length, expected.length);
    for (const [index, call] of calls.entries()) assert.equal(said[index], expected[index], JSON.stringify(call));
  });
});

/** Records the calls for all cases, with the answers in Node. */
function recorded() {
  const calls = [];
  const expected = [];
  const record = (call, value) => {
    calls.push(call);
    expected.push(JSON.stringify(value));
    return value;
  };
  const named = (name) => [name, (...args) => record({ name, args }, node[name](...args))];
  const plain = Object.fromEntries(["checkEntry", "checkCertificates", "checkPolicy", "compare", "narrow"].map(named));
  answers({
    ...plain,
    loadPolicy: (...args) => {
      const loaded = node.loadPolicy(...args);
      record({ name: "loadPolicy", args }, loaded.findings);
      if (!loaded.ok) return loaded;
      const asked = (method) => [
        method,
        (...request) => record({ name: "loadPolicy", args, method, request }, loaded.policy[method](...request)),
      ];
      const policy = Object.fromEntries(["decide", "explain"].map(asked));
      return {
        ...loaded,
        policy: { ...policy, authorities: () => [], [Symbol.dispose]: () => loaded.policy[Symbol.dispose]() },
      };
    },
  });
  return { calls, expected };
}

/** Replays the calls in the browser. */
async function replay(calls) {
  const pullgate = await import(new URL("browser.js", location.href));
  await pullgate.ready();
  const said = calls.map(({ name, args, method, request }) => {
    const answer = pullgate[name](...args);
    if (name !== "loadPolicy") return JSON.stringify(answer);
    const value = method === undefined ? answer.findings : answer.policy[method](...request);
    answer.policy?.dispose();
    return JSON.stringify(value);
  });
  return { said, loaded: pullgate.moduleDigest() };
}
