// Prints the module's answers to every case of tests/vectors. The Rust harness compares the lines with those of native code.

import { readdirSync, readFileSync } from "node:fs";
import { answersTo } from "./answers.mjs";

const folder = new URL("../vectors/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".json") && name !== "schema.json").sort();
const cases = files.flatMap((file) => JSON.parse(readFileSync(new URL(file, folder), "utf8")).cases);
process.stdout.write(cases.map(answersTo).join(""));
