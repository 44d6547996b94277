// Other programs: npm, and the command line that the page is held against.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const built = fileURLToPath(new URL("../../target/release/pullgate", import.meta.url));

/** Runs a program in a folder, and gives what it prints. */
export function run(folder, program, ...args) {
  const { status, signal, stdout, stderr } = start(program, args, { cwd: folder });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} failed (${status ?? signal})\n${stdout}${stderr}`);
  return stdout;
}

/** The command line: `PULLGATE_CLI`, or the one that was built here. */
export function program() {
  const program = process.env.PULLGATE_CLI ?? built;
  if (!existsSync(program)) {
    throw new Error(`there is no ${program}: build it with \`cargo build --release -p pullgate-cli\`, or name it in PULLGATE_CLI`);
  }
  return program;
}

/** Runs the command line, and gives its exit code and what it prints. */
export function pullgate(args, input) {
  return start(program(), args, { input });
}

function start(program, args, options) {
  const result = spawnSync(program, args, { encoding: "utf8", timeout: 240_000, ...options });
  if (result.error) throw result.error;
  return result;
}
