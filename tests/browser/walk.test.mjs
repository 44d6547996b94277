// A policy of 500 registries by keyboard alone, on a real daemon: pasted, mended by buttons, compared, applied, undone,
// and applied again. Screenshots on the way are in `.screenshots`.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { withPage } from "./browser.mjs";
import { TOKEN } from "./fake_daemon.mjs";
import * as form from "./form.mjs";
import { forwardTo, startDaemon } from "./real_daemon.mjs";

const screenshots = fileURLToPath(new URL(".screenshots/", import.meta.url));
mkdirSync(screenshots, { recursive: true });

/** 500 entries as a wiki page has them: with bullets, 20 prefixes without an address, 3 ranges and one wrong port. */
const ENTRIES = Array.from({ length: 500 }, (_, index) => {
  if (index === 250) return "h250.example.com:0";
  if (index % 25 === 1) return `10.${Math.floor(index / 25)}.3/24`;
  if (index % 200 === 7) return `10.99.${Math.floor(index / 200)}.1-10.99.${Math.floor(index / 200)}.2`;
  return `h${index}.example.com:${5000 + index}`;
});

const VIEWS = [
  ["light", { colorScheme: "light", forcedColors: "none" }],
  ["dark", { colorScheme: "dark", forcedColors: "none" }],
  ["forced", { colorScheme: "light", forcedColors: "active" }],
];

/** Takes screenshots of a state in all views, and leaves the page as it was. */
async function shoot(page, name) {
  for (const width of [1280, 360]) {
    await page.setViewportSize({ width, height: 900 });
    for (const [view, media] of VIEWS) {
      await page.emulateMedia(media);
      await page.screenshot({ path: `${screenshots}walk-${name}-${width}-${view}.png`, animations: "disabled" });
    }
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, `${name} at ${width} pixels`);
  }
  await page.emulateMedia(VIEWS[0][1]);
  await page.setViewportSize({ width: 1280, height: 900 });
}

test("500 registries by keyboard alone", { timeout: 240_000 }, async (context) => {
  const { address, file } = await startDaemon(context, { whitelist: ["first.example.com"] }, { token: TOKEN });
  const server = { daemon: forwardTo(address), expectErrorsOf: ["v1/policy"] };
  await withPage({ server }, async (page, { context: browser }) => {
    const generation = (number) =>
      page.locator("main").getByText(`This is what the daemon decides by now (generation ${number}).`).waitFor();
    const press = async (name) => {
      await form.tabTo(page, name);
      await page.keyboard.press("Enter");
    };
    const inForce = () => JSON.parse(readFileSync(file, "utf8")).whitelist.length;
    await generation(1);
    await browser.grantPermissions(["clipboard-read", "clipboard-write"]);

    await press(/^Paste a list/);
    await page.evaluate((text) => navigator.clipboard.writeText(text), ENTRIES.map((entry) => `* ${entry}`).join("\n"));
    await page.keyboard.press("Control+v");
    await page.getByRole("dialog").getByText("500 entries, 24 errors to correct.").waitFor();
    await shoot(page, "paste");
    await press(/^Add 500 registries/);
    await form.status(page).getByText("24 errors").waitFor();
    await shoot(page, "errors");

    // The fixes at once, and the rest by the buttons that lead to it.
    await press(/^Back over these 501 registries/);
    await form.tabTo(page, /^Correct all 23 that have a fix/, "Shift+Tab");
    await page.keyboard.press("Enter");
    await form.status(page).getByText("1 error").waitFor();
    await press(/^Skip these 504 registries/);
    await press(/^Go to the first error/);
    await page.waitForFunction(() => document.activeElement.value === "h250.example.com:0");
    await press(/^Remove registry/);
    await form.status(page).getByText(/^No errors/).waitFor();

    await page.keyboard.press("Escape");
    await press(/^Review and apply/);
    const dialog = page.getByRole("dialog", { name: "What applying would do" });
    await dialog.getByText("This allows more than before").waitFor();
    await shoot(page, "review");
    await form.tabTo(page, /^Token of the daemon/);
    await page.keyboard.type(TOKEN);
    await page.keyboard.press("Enter");
    await generation(2);
    assert.equal(inForce(), 503);
    await shoot(page, "applied");

    // Undone as a whole, and applied; made again, and applied.
    for (let step = 0; step < 3; step += 1) await page.keyboard.press("Control+z");
    await page.waitForFunction(() => document.querySelectorAll(".registries li.row").length === 1);
    await press(/^Review and apply/);
    await press(/^Apply$/);
    await generation(3);
    assert.equal(inForce(), 1);
    for (let step = 0; step < 3; step += 1) await page.keyboard.press("Control+Shift+Z");
    await form.status(page).getByText(/^No errors/).waitFor();
    await page.waitForFunction(() => document.activeElement.matches(".rows-box.long input"));
    await page.keyboard.press("Escape");
    await press(/^Review and apply/);
    await press(/^Apply$/);
    await generation(4);
    assert.equal(inForce(), 503);
  });
});
