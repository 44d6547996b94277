// Chromium for tests and benchmarks: the installed one, with background network requests disabled.

import { execFileSync } from "node:child_process";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Returns Playwright's launch options. The environment variable CHROMIUM names another program. */
export function chromiumOptions() {
  return { executablePath: program(), args: ARGUMENTS, headless: true };
}

function program() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    try {
      return execFileSync("which", [name], { encoding: "utf8" }).trim();
    } catch {
      // Not found: continue with the next.
    }
  }
  throw new Error("there is no Chromium: on Debian, `apt-get install chromium`");
}
