// Dependencies of the consumers: the programs of package-lock.json, and the package, packed and installed.

import { spawn } from "node:child_process";
import { once } from "node:events";
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
const env = {
  ...process.env,
  DENO_DIR: join(work, "deno"),
  DENO_NO_UPDATE_CHECK: "1",
  DO_NOT_TRACK: "1",
  NEXT_TELEMETRY_DISABLED: "1",
};

/** Runs a program in a folder, and returns its output. */
export function run(folder, program, ...args) {
  return runProgram(folder, program, args, { env });
}

/** Starts a server in Node. Returns the address that it prints, and a function that ends it. */
export function startServer(folder, args) {
  const server = spawn(process.execPath, args, { cwd: folder, env });
  const ended = once(server, "exit");
  const end = () => {
    server.kill();
    return ended;
  };
  return new Promise((resolve, reject) => {
    let output = "";
    const read = (chunk) => {
      output += chunk;
      const [address] = /http:\/\/127\.0\.0\.1:[1-9]\d*/.exec(output) ?? [];
      if (address !== undefined) resolve({ address, end });
    };
    server.stdout.on("data", read);
    server.stderr.on("data", read);
    ended.then(([code]) => reject(new Error(`the server ended (${code}) before it had an address\n${output}`)));
  });
}

/** Installs the programs, and those that the package is built with, unless they are installed. */
export function installTools() {
  install(fileURLToPath(new URL("../..", import.meta.url)));
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
