// Writes docs/npm-api.md, the reference of the package's functions and types, from its declarations. `--check` fails
// where the page is not up to date.

import { readFileSync, writeFileSync } from "node:fs";

const PAGE = new URL("../docs/npm-api.md", import.meta.url);
const MODULES = [
  ["index.d.ts", "pullgate", "The functions and types. `pullgate/inline` has the same."],
  ["schema.d.ts", "pullgate/schema", "Standard Schema validators. `pullgate/inline/schema` has the same."],
];

const DECLARATION = /^(?:export )?(?:function|interface|type|const) (\w+)/;

const INTRODUCTION = `# Reference of the npm package

[The guide](npm.md) says how to start and how to build forms. This page is written by \`pkg/api_reference.mjs\` from the
type declarations.
`;

/** Returns the declarations of a file: `{doc, name, text}`. */
function declarations(file) {
  const lines = readFileSync(new URL(file, import.meta.url), "utf8").split("\n");
  const found = [];
  let doc = [];
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index];
    if (line.startsWith("/** ") || line === "/**") {
      const end = lines.findIndex((text, at) => at >= index && text.endsWith("*/"));
      doc = lines.slice(index, end + 1);
      index = end;
    } else if (DECLARATION.test(line)) {
      // Declarations have no empty line inside, and one after.
      const end = lines.indexOf("", index) - 1;
      found.push(declaration(doc, lines.slice(index, end + 1)));
      doc = [];
      index = end;
    } else if (!/^(?:$|\/\/|import |export type \{|\/\/\/ )/.test(line)) {
      throw new Error(`${file}:${index + 1}: api_reference.mjs does not know this form of declaration: ${line}`);
    }
  }
  return found;
}

function declaration(doc, lines) {
  return { doc: prose(doc), name: DECLARATION.exec(lines[0])[1], text: lines.join("\n").replaceAll(/^export /gm, "") };
}

function prose(doc) {
  return doc
    .map((line) => line.replace(/^\/\*\* ?/, "").replace(/ ?\*\/$/, "").replace(/^ \* ?/, ""))
    .join("\n")
    .trim();
}

function section([file, module, introduction]) {
  const entry = ({ doc, name, text }) => [`### \`${name}\``, doc, "```ts\n" + text + "\n```"];
  const entries = declarations(file).flatMap(entry);
  return [`## \`${module}\``, introduction, ...entries].filter((part) => part !== "").join("\n\n");
}

const page = `${INTRODUCTION}\n${MODULES.map(section).join("\n\n")}\n`;
if (process.argv.includes("--check")) {
  if (readFileSync(PAGE, "utf8") !== page) {
    throw new Error("docs/npm-api.md is not up to date: run `node pkg/api_reference.mjs`");
  }
} else {
  writeFileSync(PAGE, page);
}
