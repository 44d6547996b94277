// What is new is secure, only what is verified looks good, and no state is hidden by colours, spacing, zoom or direction.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import { FakeDaemon } from "./fake_daemon.mjs";
import * as form from "./form.mjs";

const check = (name, use, options = {}) => test(name, { timeout: 60_000 }, () => withPage(options, use));
const isInsecure = (page, number) => form.row(page, number).getByRole("radio", { name: "Insecure" }).isChecked();
const colourOf = (page, selector, property) =>
  page.locator(selector).first().evaluate((element, property) => getComputedStyle(element)[property], property);

check("a new row is secure whatever stands above: by Enter, by the button, and pasted", async (page) => {
  await form.typeRegistries(page, [["lab.example", "Insecure"]]);
  await form.field(page, 1).press("Enter");
  await page.keyboard.type("a.example");
  await form.row(page, 1).getByRole("button", { name: /^Add a registry/ }).click();
  await page.keyboard.type("b.example");
  await form.field(page, 1).focus();
  await form.paste(page, "c.example\nd.example\ne.example");
  assert.equal(await form.rows(page).count(), 6);
  assert.deepEqual(await Promise.all([1, 2, 3, 4, 5, 6].map((number) => isInsecure(page, number))), [true, false, false, false, false, false]);
  await form.status(page).getByText(/^No errors/).waitFor();
});

check("pasted onto an insecure blank row: the pasted ones are secure", async (page) => {
  await form.row(page, 1).getByText("Insecure", { exact: true }).click();
  await form.field(page, 1).focus();
  await form.paste(page, "a.example\nb.example");
  assert.deepEqual([await isInsecure(page, 1), await isInsecure(page, 2)], [false, false]);
});

check("the parts of an insecure range stay insecure: they are the same registries", async (page) => {
  await form.typeRegistries(page, [["10.0.0.1-10.0.0.2", "Insecure"]]);
  await form.row(page, 1).getByRole("button", { name: "Split into 2 entries" }).click();
  assert.deepEqual([await isInsecure(page, 1), await isInsecure(page, 2)], [true, true]);
});

check("amber for what is not verified, green for what is", async (page) => {
  await form.typeRegistries(page, [["lab.example", "Insecure"], ["good.example", "Secure"]]);
  assert.equal((await form.decisionOf(page, "lab.example/app")).decision, "allow");
  const verdict = page.locator(".verdict strong");
  assert.equal(await verdict.innerText(), "Allowed, but not verified");
  const amber = await colourOf(page, ".verdict strong", "color");
  await form.announcements(page).getByText("Allowed, but not verified").waitFor();
  await form.decisionOf(page, "good.example/app");
  assert.equal(await verdict.innerText(), "Allowed");
  assert.notEqual(await colourOf(page, ".verdict strong", "color"), amber);
  // Whitelist mode off.
  await form.setMode(page, false);
  await form.status(page).getByText("No errors, but every registry is allowed").waitFor();
  assert.equal(await page.locator(".status").getAttribute("data-severity"), "warning");
  assert.equal(await page.locator(".summary").getAttribute("data-tone"), "warning");
  // A policy that decides nothing is no information.
  await form.field(page, 1).fill("h:0:0");
  await page.locator('.summary[data-tone="error"]').getByText("decides nothing").waitFor();
});

test("a connection that works unverified is amber too", { timeout: 60_000 }, () => {
  const daemon = new FakeDaemon({ insecure: ["lab.example"] });
  const stages = [{ stage: "v2", ok: true, detail: "yes", milliseconds: 1 }];
  const attempt = { scheme: "http", port: 80, verified: false, stages, chain: [] };
  const responses = {
    ...daemon.responses,
    "v1/explain": () => ({ reference: "lab.example/app", registry: "lab.example", decision: "allow", attempts: [], steps: [] }),
    "v1/probe": () => ({ registry: "lab.example", decision: {}, ok: true, summary: "reached", attempts: [attempt] }),
  };
  return withPage({ server: { daemon: responses } }, async (page) => {
    await form.decisionOf(page, "lab.example/app");
    await page.getByRole("button", { name: "Test connection to lab.example" }).click();
    await page.locator('.probe-summary[data-state="unverified"]').getByText("The connection works, but is not verified").waitFor();
  });
});

/** Returns what a pixel row through an element is painted with, as a picture. */
const picture = (locator) => locator.screenshot().then((bytes) => bytes.toString("base64"));

check("forced colours: on and off, chosen and not, are told apart", async (page) => {
  await page.emulateMedia({ forcedColors: "active" });
  await form.field(page, 1).fill("a.example");
  await page.mouse.move(0, 0);
  const track = page.locator(".registries .switch-track");
  const segments = form.row(page, 1).locator(".segments");
  const before = [await picture(track), await picture(segments)];
  await form.row(page, 1).getByText("Insecure", { exact: true }).click();
  await page.mouse.move(0, 0);
  assert.notEqual(await picture(segments), before[1]);
  await form.setMode(page, false);
  await page.mouse.move(0, 0);
  assert.notEqual(await picture(track), before[0]);
  // The knob is to be seen against its track.
  const knob = await track.evaluate((element) => getComputedStyle(element, "::after").backgroundColor);
  assert.notEqual(knob, await track.evaluate((element) => getComputedStyle(element).backgroundColor));
});

/** The text spacing of WCAG 2.2, 1.4.12. The style sheet is adopted, which the content security policy allows. */
function spaceText() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(
    "* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-block-end: 2em !important }",
  );
  document.adoptedStyleSheets.push(sheet);
}

/** Returns the texts of controls that are cut off, or that lie over their neighbours. */
function hiddenControls() {
  const cut = [...document.querySelectorAll("button, .segment, .switch, label, .tab, .chip, h1, h2, h3")].filter(
    (element) =>
      !element.closest(".visually-hidden, .skip, .tab-list, [aria-hidden=true]") &&
      element.offsetWidth > 1 &&
      element.scrollWidth > element.clientWidth + 1 &&
      getComputedStyle(element).display !== "inline",
  );
  const controls = [...document.querySelectorAll(".row-fields > *")];
  const overlapping = controls.filter((a) =>
    controls.some((b) => {
      if (a === b || a.parentElement !== b.parentElement) return false;
      const [x, y] = [a.getBoundingClientRect(), b.getBoundingClientRect()];
      return x.left < y.right - 1 && y.left < x.right - 1 && x.top < y.bottom - 1 && y.top < x.bottom - 1;
    }),
  );
  return [...cut, ...overlapping].map((element) => element.outerHTML.slice(0, 120));
}

const fill = async (page) => {
  await form.openText(page, JSON.stringify({
    whitelist: ["a.example", "h.example:0", { entry: "old.example", enabled: false, comment: "until March" }],
    insecure: ["10.2.2/24"],
    blocked: ["evil.example"],
    built_in: ["vic.example"],
    projects: { "a-project-with-a-long-name": { whitelist: ["b.example"] } },
    certificate_authorities: [{ pem: form.certificate("ca.pem"), registries: ["a.example"] }],
  }));
  await form.row(page, 1).getByRole("button", { name: "More about registry 1" }).click();
  await form.status(page).getByText("2 errors").waitFor();
};

for (const [name, viewport] of [["text spacing", { width: 1280, height: 900 }], ["text spacing at 360 pixels", { width: 360, height: 800 }]]) {
  check(`${name}: nothing is cut off`, async (page) => {
    await fill(page);
    await page.evaluate(spaceText);
    assert.deepEqual(await page.evaluate(hiddenControls), []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), viewport.width);
  }, { viewport });
}

check("400 % of 1280 by 1024 pixels: nothing is cut off, and nothing sticks over the fields", async (page) => {
  await fill(page);
  assert.deepEqual(await page.evaluate(hiddenControls), []);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
  assert.equal(await colourOf(page, ".changes", "position"), "static");
}, { viewport: { width: 320, height: 256 } });

check("right to left: commands stay as they are, and nothing is cut off", async (page) => {
  await page.evaluate(() => document.documentElement.setAttribute("dir", "rtl"));
  await fill(page);
  await page.getByRole("tab", { name: "vic-machine" }).click();
  for (const text of ["pre", ".marked-input input"]) assert.equal(await colourOf(page, text, "direction"), "ltr", text);
  assert.deepEqual(await page.evaluate(hiddenControls), []);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 1280);
});
