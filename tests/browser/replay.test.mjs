// Audit records given to the page: what the policy of the form would have decided otherwise.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { withPage } from "./browser.mjs";
import * as form from "./form.mjs";

const HTTPS = [{ scheme: "https", port: 443, verified: true }];

const record = (members) =>
  `${JSON.stringify({ time: "2026-10-01T08:00:00Z", frontend: "docker", user: "alice", kind: "image", ...members })}\n`;
const allowed = (reference) => record({ reference, decision: "allow", reason: "matched", entry: "*.test", attempts: HTTPS });
const denied = (reference) => record({ reference, decision: "deny", enforced: false, reason: "not-whitelisted" });

const RECORDS = [allowed("gone.test/x"), denied("new.test/x"), allowed("lab.test/x"), allowed("kept.test/x"), denied("10.0.0.1/x")];
const POLICY = { whitelist: ["new.test", "kept.test", "*.kept.test"], insecure: ["lab.test"] };

const section = form.replays;
const table = (page, change) => section(page).locator(`table[data-change="${change}"] tbody tr`);

test("a record is replayed by the policy of the form, and again with each change to it", { timeout: 60_000 }, () =>
  withPage({}, async (page) => {
    await form.openText(page, JSON.stringify(POLICY));
    // Two members, and a rotated file that is not compressed.
    const half = 2;
    const gzip = [gzipSync(RECORDS.slice(0, half).join("")), gzipSync(RECORDS.slice(half).join(""))];
    const files = [["audit.jsonl.2", Buffer.concat(gzip)], ["audit.jsonl", `${allowed("gone.test/y")}no record\n`]];
    await form.giveFiles(page, form.chooseRecords(page), files);
    const now = { "newly-denied": "gone.test", "newly-allowed": "new.test", "reached-otherwise": "lab.test", undecided: "10.0.0.1" };
    for (const [change, registry] of Object.entries(now)) {
      await table(page, change).getByRole("rowheader", { name: registry, exact: true }).waitFor();
      assert.equal(await table(page, change).count(), 1, change);
    }
    const cells = await table(page, "newly-denied").locator("td").allInnerTexts();
    assert.deepEqual(cells.slice(3), ["alice", "gone.test/x and 1 more", "allowed by *.test", "not-whitelisted"]);
    await table(page, "reached-otherwise").getByText("unverified HTTPS on 443, then plain HTTP on 80").waitFor();
    await section(page).getByText("6 records of 6 distinct requests").waitFor();
    await section(page).getByText("1 line is no record; the first is line 2 of audit.jsonl.").waitFor();
    await form.field(page, 1).fill("gone.test");
    await table(page, "newly-denied").waitFor({ state: "detached" });
    assert.equal(await table(page, "newly-allowed").count(), 0);
    await section(page).getByRole("button", { name: "Forget the record" }).click();
    await section(page).locator("table").first().waitFor({ state: "detached" });
  }),
);

test("a record that is opened as a policy is replayed, and what is none is said", { timeout: 60_000 }, () =>
  withPage({}, async (page) => {
    await form.openText(page, JSON.stringify(POLICY));
    await page.getByRole("button", { name: "Open…" }).click();
    await form.giveFiles(page, page.locator(".open-panel").getByRole("button", { name: "Choose a file…" }), [["audit.jsonl", allowed("kept.test/x")]]);
    await section(page).getByText("Every request on record is decided as before.").waitFor();
    await form.giveFiles(page, form.chooseRecords(page), [["other.log", "nothing\n"]]);
    await section(page).getByText("No line of this is the record of a decision by a policy.").waitFor();
  }),
);
