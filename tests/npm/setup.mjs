// What the consumers need: the programs of package-lock.json, and the package, packed and installed as anybody would.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { install, run as runProgram } from "../programs.mjs";

/** This folder. */
export const here = fileURLToPath(new URL(".", import.meta.url));
/** Where everything that is built goes. */
export const work = join(here, ".work");
const modules = join(here, "node_modules");

// Programs that would ask the network for newer ones, or tell somebody that they ran, do neither.
const env = { ...process.env, DENO_DIR: join(work, "deno"), DENO_NO_UPDATE_CHECK: "1", DO_NOT_TRACK: "1" };

/** Runs a program in a folder, and gives what it prints. */
export function run(folder, program, ...args) {
  return runProgram(folder, program, args, { env });
}

/** Installs the programs, unless they are there. */
export function installTools() {
  install(here);
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
