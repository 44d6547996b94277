// Writes the generated files of the package. `npm pack` runs it first, and last with `--undo`, so that only the
// package.json of the tarball has the digest of the module.

import { createHash } from "node:crypto";
import { copyFileSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HEADER = "// Written by pkg/build.mjs.\n";
// Files of the repository that the tarball has too.
const COPIES = ["CHANGELOG.md", "LICENSE"];

const at = (name) => new URL(name, import.meta.url);
const read = (name) => readFileSync(at(name), "utf8");

if (process.argv.includes("--undo")) {
  describe(undefined);
  for (const name of COPIES) rmSync(at(name), { force: true });
} else {
  if (!existsSync(at("dist/pullgate_bg.wasm"))) throw new Error("pkg/dist has no module: run `cargo xtask module` first");
  const wasm = readFileSync(at("dist/pullgate_bg.wasm"));
  const digest = createHash("sha256").update(wasm).digest("hex");
  const { version } = JSON.parse(read("package.json"));
  generate("instance.js", factory(read("dist/pullgate.js")));
  generate("identity.js", `export const digest = "${digest}";\nexport const version = "${version}";\n`);
  generate("base64.js", `export default "${wasm.toString("base64")}";\n`);
  await commonJs("inline.js", "inline.cjs");
  await commonJs("schema/inline.js", "schema.cjs");
  for (const name of ["codes", "index", "schema"]) commonJsTypes(name);
  cpSync(at("../wit"), at("dist/wit"), { recursive: true });
  for (const name of COPIES) copyFileSync(at(`../${name}`), at(name));
  describe(digest);
}

function generate(name, text) {
  writeFileSync(at(`dist/${name}`), HEADER + text);
}

// Turns the glue of wasm-bindgen into a factory function: as a JavaScript module its state is global, and a trap would
// leave no second instance. (The option of wasm-bindgen for that needs a start function, which this module lacks.)
function factory(glue) {
  const [exported, start] = /export\{([\w$]+) as initSync,[\w$]+ as default\};/.exec(glue) ?? [];
  // A module of another realm (the sandbox of edge functions) is no instance of this realm's class.
  const compilation = /([\w$]+) instanceof WebAssembly\.Module\|\|\(\1=new WebAssembly\.Module\(\1\)\);/;
  const body = glue.replace(exported, "").replace(compilation, "").replace(/\bexport (class|function) /g, "$1 ");
  const names = [...glue.matchAll(/\bexport (?:class|function) ([\w$]+)/g)].map(([, name]) => name);
  const isKnown = start !== undefined && names.length > 0 && compilation.test(glue);
  if (!isKnown || /\b(?:export|import)\s*[{(*.]|\bimport\b/.test(body)) {
    throw new Error("the glue of this version of `wasm-bindgen` is not as pkg/build.mjs knows it");
  }
  return `import { TextDecoder, TextEncoder } from "../lib/text_codecs.js";

/** Instantiates the compiled module. */
export function instantiate(module) {
// Keeps the glue from freeing policies: lib/policy.js does, which knows the current instance.
const FinalizationRegistry = undefined;
${body}
${start}({ module });
return { ${names.join(", ")} };
}
`;
}

// Bundles an entry point as CommonJS. The validators take the functions, and with them the module, from `inline.cjs`.
async function commonJs(entry, name) {
  const shared = { path: "./inline.cjs", external: true };
  const shareFunctions = {
    name: "share-functions",
    setup: ({ onResolve }) => onResolve({ filter: /^\.\.\/inline\.js$/ }, () => shared),
  };
  await build({
    absWorkingDir: fileURLToPath(at(".")),
    entryPoints: [entry],
    outfile: `dist/${name}`,
    bundle: true,
    format: "cjs",
    // Lists the names of the exports for `import`.
    platform: "node",
    target: "es2022",
    banner: { js: HEADER.trimEnd() },
    plugins: [shareFunctions],
    logLevel: "warning",
  });
}

// TypeScript takes the format of a declaration file from its extension.
function commonJsTypes(name) {
  generate(`${name}.d.cts`, read(`${name}.d.ts`).replaceAll(/(?<=from "\.\/\w+)\.d\.ts"/g, '.d.cts"'));
}

function describe(sha256) {
  const description = JSON.parse(read("package.json"));
  description.wasm = sha256 && { sha256 };
  writeFileSync(at("package.json"), `${JSON.stringify(description, null, 2)}\n`);
}
