// The command line, as a reference for the page.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { start } from "../programs.mjs";

const built = fileURLToPath(new URL("../../target/release/pullgate", import.meta.url));

/** Returns the path of the command line: `PULLGATE_CLI`, or the one built here. */
export function program() {
  const program = process.env.PULLGATE_CLI ?? built;
  if (!existsSync(program)) {
    throw new Error(`there is no ${program}: build it with \`cargo build --release -p pullgate-cli\`, or name it in PULLGATE_CLI`);
  }
  return program;
}

/** Runs the command line, and returns its exit code and output. */
export function pullgate(args, input) {
  return start(program(), args, { input });
}
