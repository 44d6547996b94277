// Prints the module's answers to cases that come in on standard input, one a line; after each an empty line. The Rust
// harness compares them with those of native code.

import { answersTo } from "./answers.mjs";

const decoder = new TextDecoder();
let rest = "";
// By line feeds alone: `readline` ends lines at U+2028 as well, which JSON has in strings.
for await (const bytes of process.stdin) {
  const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
  rest = lines.pop();
  process.stdout.write(lines.map((line) => `${answersTo(JSON.parse(line))}\n`).join(""));
}
