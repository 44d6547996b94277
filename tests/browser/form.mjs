// Page object: the actions and elements of the page.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Returns the list of registries, and its n-th row. */
export const registries = (page) => page.getByRole("region", { name: "Registries", exact: true });
export const rows = (page) => registries(page).locator("li.row");
export const row = (page, number) => rows(page).nth(number - 1);
export const field = (page, number) => row(page, number).getByRole("textbox").first();
export const mode = (page) => page.getByRole("switch", { name: "Whitelist registry mode" });

/** Turns whitelist mode on or off by a click. */
export async function setMode(page, on) {
  if ((await mode(page).isChecked()) !== on) await registries(page).getByText("Whitelist registry mode", { exact: true }).click();
}

/** Types registries into rows, which the + button adds. With whitelist mode on: `[text, "Secure" | "Insecure"]`. */
export async function typeRegistries(page, entries) {
  for (const [index, [text, transport]] of entries.entries()) {
    if (index > 0) await row(page, index).getByRole("button", { name: /^Add a registry/ }).click();
    await field(page, index + 1).pressSequentially(text);
    if (transport) await row(page, index + 1).getByText(transport, { exact: true }).click();
  }
}

/** Types insecure registries with whitelist mode off: `[host, port]`. */
export async function typeInsecure(page, entries) {
  for (const [index, [host, port]] of entries.entries()) {
    if (index > 0) await row(page, index).getByRole("button", { name: /^Add a registry/ }).click();
    await field(page, index + 1).pressSequentially(host);
    await row(page, index + 1).getByRole("textbox").nth(1).pressSequentially(port);
  }
}

/** Returns the status of the policy: "No errors", "1 error, 2 warnings". */
export const status = (page) => page.locator(".status span").first();

/** Returns the polite live region, with the announcements for screen readers. */
export const announcements = (page) => page.locator("[data-live-announcer] [aria-live=polite]");

export const output = (page) => page.getByRole("region", { name: "What you get" });

/** Waits until the page is idle, and so has rendered all that follows from the last action, which it does later. */
export function settled(page) {
  return page.evaluate(() => new Promise((resolve) => requestIdleCallback(() => resolve())));
}

/** Returns the shown text of a format. */
export async function formattedText(page, format) {
  await output(page).getByRole("tab", { name: format, exact: true }).click();
  await settled(page);
  return output(page).locator("pre").innerText();
}

/** Returns the file of a format's download button. */
export async function downloaded(page, format, button = "Download") {
  await output(page).getByRole("tab", { name: format, exact: true }).click();
  const waiting = page.waitForEvent("download");
  await output(page).getByRole("button", { name: button, exact: true }).click();
  const download = await waiting;
  return { name: download.suggestedFilename(), text: readFileSync(await download.path(), "utf8") };
}

/** Types a reference, and returns the decision shown. */
export async function decisionOf(page, reference) {
  await page.getByLabel("Image or registry").fill(reference);
  return shownDecision(page);
}

/** Returns the decision shown, once it is that of the form's current values. */
export async function shownDecision(page) {
  await settled(page);
  const shown = page.locator(".decision[aria-busy=false]");
  await shown.waitFor();
  return {
    decision: await shown.getAttribute("data-decision"),
    by: (await shown.locator(".verdict p > code").allInnerTexts())[0],
    attempts: (await shown.locator(".attempts li").allInnerTexts()).map((text) => text.replace(/\s+/g, " ").trim()),
  };
}

/** Converts the decision that the command line prints with `--json` to the same shape. */
export function decisionIn(line) {
  const { decision, by, attempts = [] } = JSON.parse(line);
  return {
    decision,
    by: by?.entry,
    attempts: attempts.map(({ scheme, port, host, verified }) => {
      const how = verified ? "certificate verified" : scheme === "http" ? "not encrypted" : "certificate not verified";
      return `${scheme.toUpperCase()} on port ${port}${host ? ` of ${host}` : ""} ${how}`;
    }),
  };
}

/** Opens a policy from text. */
export async function openText(page, text) {
  const button = page.getByRole("button", { name: "Open…" });
  if ((await button.getAttribute("aria-expanded")) !== "true") await button.click();
  await page.getByLabel("Or paste it").fill(text);
  await page.getByRole("button", { name: "Open this text" }).click();
}

/** Pastes text into the focused element, as a user does. */
export async function paste(page, text) {
  await page.evaluate((text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
    if (document.activeElement.dispatchEvent(event)) document.execCommand("insertText", false, text);
  }, text);
}

/** Drops files, each a name and a text, onto an element, as a file manager does. Without a text it is a folder. */
export async function dropFiles(target, files) {
  const folder = temporaryFolder();
  const paths = files.map(([name, text]) => {
    const path = join(folder, name);
    if (text === undefined) mkdirSync(path);
    else writeFileSync(path, text);
    return path;
  });
  await drop(target, paths);
}

/** Drops a folder onto an element; its files are given by their paths in it. */
export async function dropFolder(target, name, files) {
  const folder = join(temporaryFolder(), name);
  mkdirSync(folder);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  await drop(target, [folder]);
}

function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), "pullgate-drop-"));
  process.once("exit", () => rmSync(folder, { recursive: true }));
  return folder;
}

async function drop(target, paths) {
  await target.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await target.boundingBox();
  const session = await target.page().context().newCDPSession(target.page());
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) {
    await session.send("Input.dispatchDragEvent", { type, x: x + width / 2, y: y + height / 2, data });
  }
  await session.detach();
}

export function certificate(name) {
  return readFileSync(new URL(`../certificates/${name}`, import.meta.url), "utf8");
}

export function vectors(file) {
  return JSON.parse(readFileSync(new URL(`../vectors/${file}`, import.meta.url), "utf8")).cases;
}

/** Init script: a module function traps while `window.trap` is its name; all do while `window.trap` is true. */
export function trapOnDemand() {
  const Instance = WebAssembly.Instance;
  WebAssembly.Instance = function (...args) {
    const { exports } = new Instance(...args);
    const trapping = ([name, value]) => {
      if (typeof value !== "function") return [name, value];
      const call = (...given) => {
        if (window.trap === true || window.trap === name) throw new WebAssembly.RuntimeError("unreachable");
        return value(...given);
      };
      return [name, call];
    };
    const instance = Object.create(Instance.prototype);
    Object.defineProperty(instance, "exports", { value: Object.fromEntries(Object.entries(exports).map(trapping)) });
    return instance;
  };
  WebAssembly.Instance.prototype = Instance.prototype;
}

/** Gives files to a button that opens a file dialog. */
export async function giveFiles(page, button, files) {
  const chooser = page.waitForEvent("filechooser");
  await button.click();
  await (await chooser).setFiles(files.map(([name, content]) => ({ name, mimeType: "", buffer: Buffer.from(content) })));
}

/** Returns the replays of audit records, and the button that takes records. */
export const replays = (page) => page.getByRole("region", { name: "What it would have done" });
export const chooseRecords = (page) => replays(page).getByRole("button", { name: "Choose audit records…" });

/** Presses Tab until an element of this name has the focus, and checks that the focus is visible. */
export async function tabTo(page, name, key = "Tab") {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press(key);
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      const label = element.labels?.[0]?.textContent ?? "";
      // React Aria's controls have a hidden input, and show its focus around it.
      const shown = element.closest("[data-focus-visible]") ?? element;
      const painted = [shown, ...shown.querySelectorAll("*")].some((part) => getComputedStyle(part).outlineStyle !== "none");
      return { name: (element.ariaLabel || label || element.textContent || "").trim(), painted };
    });
    if (!focused.name.match(name)) continue;
    assert.ok(focused.painted, `the focus on ${focused.name} is not to be seen`);
    return;
  }
  assert.fail(`no Tab leads to ${name}`);
}
