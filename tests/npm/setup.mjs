// Dependencies of the consumers: the programs of package-lock.json, and the package, packed and installed.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { install, run as runProgram } from "../programs.mjs";

/** This folder. */
export const here = fileURLToPath(new URL(".", import.meta.url));
/** The folder of build results. */
export const work = join(here, ".work");
const modules = join(here, "node_modules");

// Disables update checks and telemetry.
const env = { ...process.env, DENO_DIR: join(work, "deno"), DENO_NO_UPDATE_CHECK: "1", DO_NOT_TRACK: "1" };

/** Runs a program in a folder, and returns its output. */
export function run(folder, program, ...args) {
  return runProgram(folder, program, args, { env });
}

/** Installs the programs, unless they are installed. */
export function installTools() {
  install(here);
}

/**
 * Packs the package, and installs it into an empty project and for the consumers, which share their programs. Returns the
 * paths of the tarball and of the empty project.
 */
export function installPackage() {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work);
  const folder = fileURLToPath(new URL("../../pkg/", import.meta.url));
  const name = run(folder, "npm", "pack", "--silent", "--pack-destination", work).split("\n").at(-1);
  // Outside this folder, where Node would find the programs of the consumers.
  const project = mkdtempSync(join(tmpdir(), "pullgate-consumer-"));
  writeFileSync(join(project, "package.json"), "{}\n");
  run(project, "npm", "install", "--offline", "--no-audit", "--no-fund", "--silent", join(work, name));
  rmSync(join(modules, "pullgate"), { recursive: true, force: true });
  cpSync(join(project, "node_modules/pullgate"), join(modules, "pullgate"), { recursive: true });
  return { tarball: join(work, name), project };
}

/** Returns a program from a package per platform, such as `@oven/bun-linux-x64`. */
export function platformProgram(scope, path) {
  return join(modules, scope, readdirSync(join(modules, scope))[0], path);
}
