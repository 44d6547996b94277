// Prints what the module answers to every case of tests/vectors, one line for each answer: the name of the case, what
// was asked, and the answer, with tabs between them. The Rust harness compares the lines with those of native code.

import { readdirSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { checkEntry, checkPolicy, Policy } from "./module.mjs";

// The time at which documents are checked where a case names none: as in tests/src/vectors.rs.
const AT = 1_800_000_000;

const folder = new URL("../vectors/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".json") && name !== "schema.json").sort();
const lines = [];

for (const file of files) {
  for (const asked of JSON.parse(readFileSync(new URL(file, folder), "utf8")).cases) {
    answer(asked, (what, text) => lines.push(`${asked.name}\t${what}\t${text}`));
  }
}
process.stdout.write(lines.map((line) => `${line}\n`).join(""));

function answer({ entry, document, documentText, policy, requests, at = AT }, line) {
  if (entry !== undefined) {
    line("entry", JSON.stringify(checkEntry(entry.text, entry.list)));
  }
  if (document !== undefined || documentText !== undefined) {
    const text = documentText ?? JSON.stringify(document);
    line("check", JSON.stringify(checkPolicy(text, at)));
    line("load", loading(Policy.load(text, at)));
  }
  if (policy !== undefined) {
    const loaded = Policy.load(JSON.stringify(policy), at);
    line("load", loading(loaded));
    if (!loaded.ok) return;
    requests.forEach((request, index) => {
      const asked = requestOf(request);
      const text = loaded.policy.decideText(asked);
      const object = JSON.stringify(loaded.policy.decide(asked));
      if (object !== text) throw new Error(`\`decide\` says ${object}, and \`decideText\` says ${text}`);
      line(`decide ${index}`, text);
      line(`explain ${index}`, JSON.stringify(loaded.policy.explain(asked)));
    });
    loaded.policy.free();
  }
}

function loading({ ok, findings }) {
  return JSON.stringify({ loads: ok, findings });
}

// A request as the module takes it. An address stands for the question after its names, all else for one after addresses.
function requestOf({ reference, login, project, facts = {} }) {
  const request = {
    reference: reference ?? login,
    kind: reference === undefined ? "registry" : "image",
    // In the order of the Rust harness: explanations name facts in the order of the request.
    facts: Object.entries(facts).sort(([one], [two]) => (one < two ? -1 : 1)).map(([subject, answers]) => ({
      kind: isIP(subject) === 0 ? "addresses-of" : "names-of",
      subject,
      answers,
    })),
  };
  return project === undefined ? request : { ...request, project };
}
