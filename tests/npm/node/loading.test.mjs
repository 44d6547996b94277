// Rule P3: one decision of what loads, in every function of the package, and by no certificate's date.

import assert from "node:assert/strict";
import { test } from "node:test";

import { checkPolicy, compare, loadPolicy, narrow } from "pullgate";
import { policy, policyText } from "pullgate/schema";
import { documentsOf } from "../answers.mjs";

for (const { name, text, at, loads } of documentsOf("P3")) {
  test(name, () => {
    const loaded = loadPolicy(text, at);
    assert.equal(loaded.ok, loads);
    assert.equal(checkPolicy(text, at).canonical !== undefined, loads);
    assert.equal(compare(text, text, at).ok, loads);
    assert.equal(narrow(text, text, at).ok, loads);
    // The validators check as of now, which changes nothing.
    assert.equal(policyText["~standard"].validate(text).issues === undefined, loads);
    assert.equal(policy["~standard"].validate(JSON.parse(text)).issues === undefined, loads);
    if (loads) assert.equal(typeof loaded.policy.decide("docker.io/library/alpine").decision, "string");
  });
}
