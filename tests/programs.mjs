// Child processes, for the tests in Node.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Runs a program to its end, and returns the result of `spawnSync`. */
export function start(program, args, options) {
  const result = spawnSync(program, args, { encoding: "utf8", timeout: 240_000, ...options });
  if (result.error) throw result.error;
  return result;
}

/** Runs a program in a folder, and returns its output. Throws if it fails. */
export function run(folder, program, args, options) {
  const { status, signal, stdout, stderr } = start(program, args, { cwd: folder, ...options });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} failed (${status ?? signal})\n${stdout}${stderr}`);
  return stdout.trim();
}

/** Installs the packages of a folder's lock file, unless they are installed. Runs no install scripts. */
export function install(folder) {
  const lock = readFileSync(join(folder, "package-lock.json"), "utf8");
  const stamp = join(folder, "node_modules/.installed-from");
  try {
    if (readFileSync(stamp, "utf8") === lock) return;
  } catch {
    // Nothing is installed yet.
  }
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  run(folder, "npm", args, { timeout: 600_000 });
  writeFileSync(stamp, lock);
}
