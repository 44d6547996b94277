// What the consumers need: the programs of package-lock.json, and the package, packed and installed as anybody would.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** This folder. */
export const here = fileURLToPath(new URL(".", import.meta.url));
/** Where everything that is built goes. */
export const work = join(here, ".work");
const modules = join(here, "node_modules");
const stamp = join(modules, ".installed-from");

// Programs that would ask the network for newer ones, or tell somebody that they ran, do neither.
const env = { ...process.env, DENO_DIR: join(work, "deno"), DENO_NO_UPDATE_CHECK: "1", DO_NOT_TRACK: "1" };

/** Runs a program in a folder, and gives what it prints. */
export function run(folder, program, ...args) {
  const { error, status, signal, stdout, stderr } = spawnSync(program, args, { cwd: folder, env, encoding: "utf8" });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} failed (${status ?? signal})\n${stdout}${stderr}`);
  return stdout.trim();
}

/** Installs the programs, unless they are there. None of their install scripts is run. */
export function installTools() {
  const lock = readFileSync(join(here, "package-lock.json"), "utf8");
  try {
    if (readFileSync(stamp, "utf8") === lock) return;
  } catch {
    // Nothing is installed yet.
  }
  run(here, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error");
  writeFileSync(stamp, lock);
}

/**
 * Packs the package and installs it into an empty project. The consumers get what came of it: they share their programs,
 * and the package is theirs as if each had installed it. Gives the path of the tarball, and of the empty project.
 */
export function installPackage() {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work);
  const folder = fileURLToPath(new URL("../../pkg/", import.meta.url));
  const name = run(folder, "npm", "pack", "--silent", "--pack-destination", work).split("\n").at(-1);
  // Not below this folder, where Node would find the programs of the consumers.
  const project = mkdtempSync(join(tmpdir(), "pullgate-consumer-"));
  writeFileSync(join(project, "package.json"), "{}\n");
  run(project, "npm", "install", "--offline", "--no-audit", "--no-fund", "--silent", join(work, name));
  rmSync(join(modules, "pullgate"), { recursive: true, force: true });
  cpSync(join(project, "node_modules/pullgate"), join(modules, "pullgate"), { recursive: true });
  return { tarball: join(work, name), project };
}

/** A program that npm installs in a package of its own for each platform, such as `@oven/bun-linux-x64`. */
export function platformProgram(scope, path) {
  return join(modules, scope, readdirSync(join(modules, scope))[0], path);
}
