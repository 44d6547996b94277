// The package answers every case of tests/vectors as the module in pkg/dist does, which the Rust harness compares with
// native code.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as pullgate from "pullgate";
import { answers } from "../answers.mjs";

test("every case", async () => {
  const { checkCertificates, checkEntry, checkPolicy, compare, narrow, Policy } = await import("../../node/module.mjs");
  const module = { checkCertificates, checkEntry, checkPolicy, compare, loadPolicy: Policy.load, narrow };
  const expected = answers(module);
  assert.ok(expected.length > 1_000, `${expected.length} answers`);
  assert.deepEqual(answers(pullgate), expected);
});
