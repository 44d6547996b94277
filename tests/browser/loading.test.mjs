// Rule P3: the page decides by a policy, and gives it away, where it loads: a certificate's date keeps none from it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { documentsOf } from "../npm/answers.mjs";
import { withPage } from "./browser.mjs";
import * as form from "./form.mjs";

const nothing = (page) => page.getByText(/decides nothing/).first();

test("each document decides where it loads", { timeout: 120_000 }, () =>
  withPage({}, async (page) => {
    for (const { name, text, loads } of documentsOf("P3")) {
      await form.openText(page, text);
      await page.getByLabel("Image or registry").fill("docker.io/library/alpine");
      await (loads ? page.locator(".try .decision") : nothing(page)).waitFor();
      assert.equal(await page.locator(".try .decision").isVisible(), loads, name);
    }
  }),
);

test("an expired certificate is left out, with a warning, and the policy is given away", { timeout: 60_000 }, () =>
  withPage({}, async (page) => {
    const authorities = [{ pem: form.certificate("expired.pem") }, { pem: form.certificate("ca.pem") }];
    const document = { whitelist: ["docker.io"], certificate_authorities: authorities };
    await form.openText(page, JSON.stringify(document));
    await form.status(page).getByText(/^1 error/).waitFor();
    assert.equal((await form.decisionOf(page, "docker.io/library/alpine")).decision, "allow");
    await page.getByText("Certificates that have expired or are not valid yet are left out of this decision.").waitFor();
    assert.deepEqual(JSON.parse((await form.downloaded(page, "JSON")).text), document);
  }),
);

test("a certificate in a form that Go does not read is put right by a button", { timeout: 60_000 }, () =>
  withPage({}, async (page) => {
    const [ca, server, issuer] = ["ca.pem", "server.pem", "intermediate.pem"].map(form.certificate);
    const pems = [`\uFEFF${ca}`, `${server}${issuer}`];
    const opened = { whitelist: ["docker.io"], certificate_authorities: pems.map((pem) => ({ pem })) };
    await form.openText(page, JSON.stringify(opened));
    await page.locator(".authority").nth(0).getByRole("button", { name: "Use the plain PEM" }).click();
    await page.locator(".authority").nth(1).getByRole("button", { name: "Delete this part" }).click();
    await form.status(page).getByText(/^No errors/).waitFor();
    const { certificate_authorities: authorities } = JSON.parse(await form.formattedText(page, "JSON"));
    assert.deepEqual(authorities.map(({ pem }) => pem.trim()), [ca.trim(), issuer.trim()]);
  }),
);
