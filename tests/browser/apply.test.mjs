// The daemon's policy is followed, compared with the form, and replaced by it.

import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import { FakeDaemon, TOKEN } from "./fake_daemon.mjs";
import * as form from "./form.mjs";
import { forwardTo, startDaemon } from "./real_daemon.mjs";

const main = (page) => page.locator("main");
const dialog = (page) => page.getByRole("dialog", { name: "What applying would do" });
const review = (page) => main(page).getByRole("button", { name: "Review and apply…" }).click();

/** Runs a test with a fake daemon. The browser reports responses that are errors. */
const check = (name, policy, use) =>
  test(name, { timeout: 60_000 }, () => {
    const daemon = new FakeDaemon(policy);
    const server = { daemon: daemon.responses, expectErrorsOf: ["v1/policy", "v1/module", "v1/daemon"] };
    return withPage({ server }, (page, more) => use(page, daemon, more));
  });

async function apply(page, token = TOKEN) {
  await dialog(page).getByLabel("Token of the daemon").fill(token);
  await dialog(page).getByRole("button", { name: "Apply" }).click();
}

check("what applying would do is shown, the riskier first, each with its witness", { whitelist: ["a.example"], insecure: ["old.example"] }, async (page) => {
  await main(page).getByText("This is what the daemon decides by now (generation 1).").waitFor();
  await form.openText(page, JSON.stringify({ whitelist: ["b.example", "old.example"], insecure: ["a.example:5000"] }));
  await review(page);
  await dialog(page).getByText("This allows more than before, or reaches registries less safely.").waitFor();
  const kinds = await dialog(page).locator(".regions").evaluateAll((groups) => groups.map(({ dataset }) => dataset.change));
  assert.deepEqual(kinds, ["newly-allowed", "now-unverified", "newly-denied", "now-verified"]);
  const allowed = dialog(page).locator('[data-change="newly-allowed"]');
  await allowed.getByText("b.example/app", { exact: true }).waitFor();
  await allowed.getByText("denied → verified HTTPS on 443").waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await dialog(page).count(), 0);
  await page.waitForFunction(() => document.activeElement.textContent === "Review and apply…");
});

check("it is applied with the token, which is typed once, in place of the policy that was compared", { whitelist: ["a.example"] }, async (page, daemon, { server }) => {
  await main(page).getByText("(generation 1)").waitFor();
  await form.field(page, 1).fill("b.example");
  await review(page);
  await apply(page);
  await main(page).getByText("This is what the daemon decides by now (generation 2).").waitFor();
  assert.deepEqual(daemon.policy, { whitelist: ["b.example"] });
  const [{ headers }] = server.requests.filter(({ method }) => method === "PUT");
  assert.match(headers["if-match"], /^"[0-9a-f]{64}"$/);
  // Undone in the form, and applied again without a question for the token.
  await page.getByRole("button", { name: /^Undo/ }).click();
  assert.equal(await form.field(page, 1).inputValue(), "a.example");
  await review(page);
  assert.equal(await dialog(page).getByLabel("Token of the daemon").count(), 0);
  await dialog(page).getByRole("button", { name: "Apply" }).click();
  await main(page).getByText("(generation 3)").waitFor();
  assert.deepEqual(daemon.policy, { whitelist: ["a.example"] });
  // The token is in nothing that outlives the page.
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  assert.ok(!kept.includes(TOKEN), kept);
});

check("a policy that changes under an untouched form is shown, and can be undone", { whitelist: ["a.example"] }, async (page, daemon) => {
  await main(page).getByText("(generation 1)").waitFor();
  daemon.set({ whitelist: ["changed.example"] });
  await main(page).getByText("This is what the daemon decides by now (generation 2).").waitFor();
  assert.equal(await form.field(page, 1).inputValue(), "changed.example");
  await page.locator(".changes").getByText("The daemon’s policy changed, and generation 2 is shown").waitFor();
  // Another generation of the same policy is said too.
  daemon.set({ whitelist: ["changed.example"] });
  await main(page).getByText("(generation 3)").waitFor();
});

check("a policy that changes under edits is said, and not overwritten unseen", { whitelist: ["a.example"] }, async (page, daemon) => {
  await main(page).getByText("(generation 1)").waitFor();
  await form.field(page, 1).fill("mine.example");
  await main(page).getByText("The daemon decides by another policy (generation 1).").waitFor();
  await review(page);
  daemon.set({ whitelist: ["theirs.example"] });
  await dialog(page).getByText("The daemon’s policy has changed since this was opened. This compares with generation 2.").waitFor();
  await dialog(page).locator('[data-change="newly-denied"]').getByText("theirs.example/app").waitFor();
  await page.keyboard.press("Escape");
  await main(page).getByText("The daemon’s policy changed meanwhile: by now it decides by generation 2").waitFor();
  assert.equal(await form.field(page, 1).inputValue(), "mine.example");
  assert.deepEqual(daemon.policy, { whitelist: ["theirs.example"] });
});

for (const [name, refusal, text] of [
  ["a token that is not the daemon's", undefined, "The daemon does not know this token. Nothing was changed."],
  ["a policy that was replaced in between", [412, "another-policy", "…"], "The daemon’s policy has changed in between, and nothing was applied."],
  ["a policy that the daemon refuses, with what it found", [422, "policy-refused", "no `whitelist`\nline 2: another"], "line 2: another"],
  ["updates that are off", [403, "updates-off", "policy updates are off: start the daemon with --allow-policy-updates"], "start the daemon with --allow-policy-updates"],
  ["a daemon that has no time", [503, "busy", "the daemon is stopping"], "the daemon is stopping"],
]) {
  check(`refused in words: ${name}`, { whitelist: ["a.example"] }, async (page, daemon) => {
    await main(page).getByText("(generation 1)").waitFor();
    await form.field(page, 1).fill("b.example");
    await review(page);
    daemon.refusal = refusal;
    await apply(page, refusal ? TOKEN : "wrong");
    await dialog(page).getByRole("alert").getByText(text).waitFor();
    assert.equal(daemon.generation, 1);
    // What was typed wrongly is typed again.
    daemon.refusal = undefined;
    if (refusal === undefined) await dialog(page).getByLabel("Token of the daemon").fill(TOKEN);
    await dialog(page).getByRole("button", { name: "Apply" }).click();
    await main(page).getByText("This is what the daemon decides by now (generation 2).").waitFor();
  });
}

check("a daemon that does not answer: nothing is claimed of it, until it is back", { whitelist: ["a.example"] }, async (page, daemon) => {
  const claim = main(page).getByText("This is what the daemon decides by now");
  await claim.waitFor();
  daemon.isDown = true;
  await main(page).getByText("The daemon does not answer, so that nothing is known of what it decides by now.").waitFor();
  assert.equal(await claim.count(), 0);
  daemon.set({ whitelist: ["new.example"] });
  daemon.isDown = false;
  await main(page).getByText("This is what the daemon decides by now (generation 2).").waitFor();
  assert.equal(await form.field(page, 1).inputValue(), "new.example");
});

check("no connection while applying: it is not called a failure", { whitelist: ["a.example"] }, async (page, _, { server, context }) => {
  await main(page).getByText("(generation 1)").waitFor();
  await form.field(page, 1).fill("b.example");
  await review(page);
  await context.setOffline(true);
  await apply(page);
  await dialog(page).getByRole("alert").getByText("it is not known whether the policy was applied").waitFor();
  assert.equal(server.requests.filter(({ method }) => method === "PUT").length, 0);
  await context.setOffline(false);
});

test("a daemon that takes no policies", { timeout: 60_000 }, () => {
  const daemon = new FakeDaemon({ whitelist: ["a.example"] });
  const responses = { ...daemon.responses, "v1/daemon": () => ({ enforcement: {}, allowPolicyUpdates: false }) };
  return withPage({ server: { daemon: responses } }, async (page) => {
    await main(page).getByText("(generation 1)").waitFor();
    await form.field(page, 1).fill("b.example");
    await review(page);
    await dialog(page).getByText("This daemon takes no policy from here").waitFor();
    assert.equal(await dialog(page).getByRole("button", { name: "Apply" }).count(), 0);
  });
});

check("a policy with errors cannot be applied", { whitelist: ["a.example"] }, async (page) => {
  await main(page).getByText("(generation 1)").waitFor();
  await form.field(page, 1).fill("a.example:0");
  await review(page);
  await dialog(page).getByText("A policy with errors cannot be applied. Correct them first.").waitFor();
  assert.ok(await dialog(page).getByRole("button", { name: "Apply" }).isDisabled());
});

test("a daemon that shows its policy to a token only", { timeout: 60_000 }, async () => {
  const daemon = new FakeDaemon({ whitelist: ["a.example"] });
  const locked = (answer) => (body, request) =>
    request.headers.authorization === `Bearer ${TOKEN}` ? answer(body, request) : { status: 401, code: "unauthorized", message: "…" };
  const responses = Object.fromEntries(Object.entries(daemon.responses).map(([path, answer]) => [path, locked(answer)]));
  await withPage({ server: { daemon: responses, expectErrorsOf: Object.keys(responses) } }, async (page) => {
    await main(page).getByText("The daemon wants a token, or a client certificate").waitFor();
    await main(page).getByLabel("Token of the daemon").fill(TOKEN);
    await page.keyboard.press("Enter");
    await main(page).getByText("This is what the daemon decides by now (generation 1).").waitFor();
    assert.equal(await form.field(page, 1).inputValue(), "a.example");
  });
});

test("the real daemon: applied, undone, applied again, and followed", { timeout: 120_000 }, async (context) => {
  const { address, file } = await startDaemon(context, { whitelist: ["a.example"] }, { token: TOKEN });
  const server = { daemon: forwardTo(address), expectErrorsOf: ["v1/policy"] };
  const allows = async (reference) => {
    const body = JSON.stringify({ reference });
    const answer = await fetch(`${address}/v1/decide`, { method: "POST", headers: { "content-type": "application/json" }, body });
    return (await answer.json()).decision;
  };
  await withPage({ server }, async (page) => {
    await main(page).getByText("(generation 1)").waitFor();
    await form.field(page, 1).fill("B.example");
    await review(page);
    await apply(page, "wrong");
    await dialog(page).getByRole("alert").getByText("The daemon does not know this token.").waitFor();
    await apply(page);
    await main(page).getByText("This is what the daemon decides by now (generation 2).").waitFor();
    assert.deepEqual([await allows("a.example/app"), await allows("b.example/app")], ["deny", "allow"]);
    // The canonical form is not what was typed, and the same policy.
    assert.equal(await form.field(page, 1).inputValue(), "B.example");
    await page.getByRole("button", { name: /^Undo/ }).click();
    await review(page);
    await dialog(page).getByRole("button", { name: "Apply" }).click();
    await main(page).getByText("(generation 3)").waitFor();
    assert.deepEqual([await allows("a.example/app"), await allows("b.example/app")], ["allow", "deny"]);
    // Another policy file, as an administrator moves it in place.
    writeFileSync(`${file}.new`, JSON.stringify({ whitelist: ["quay.io"] }));
    renameSync(`${file}.new`, file);
    await main(page).getByText("This is what the daemon decides by now (generation 4).").waitFor();
    assert.equal(await form.field(page, 1).inputValue(), "quay.io");
    assert.equal((await form.decisionOf(page, "quay.io/app")).decision, "allow");
  });
});
