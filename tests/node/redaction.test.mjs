// The redaction of user information in the answers after a trap, against the cases that the rules answer too.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { redactUserinfo } from "../../pkg/lib/trap_answers.js";

const cases = JSON.parse(readFileSync(new URL("../redaction.json", import.meta.url), "utf8"));

test("at least as much is redacted as by the rules", () => {
  for (const [text, redacted] of cases) {
    const own = redactUserinfo(text);
    assert.equal(own.length, redacted.length, text);
    for (let unit = 0; unit < text.length; unit += 1) {
      if (redacted[unit] !== text[unit]) assert.equal(own[unit], redacted[unit], text);
    }
  }
});

test("a reference by digest is not redacted", () => {
  const text = `h.corp:5000/x@sha256:${"0a".repeat(32)}`;
  assert.equal(redactUserinfo(text), text);
});
