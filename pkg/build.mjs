// Writes the generated files of the package. `npm pack` runs it first, and last with `--undo`, so that only the
// package.json of the tarball has the digest of the module.

import { createHash } from "node:crypto";
import { copyFileSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const at = (name) => new URL(name, import.meta.url);

if (process.argv.includes("--undo")) {
  describe(undefined);
  rmSync(at("LICENSE"), { force: true });
} else {
  if (!existsSync(at("dist/pullgate_bg.wasm"))) throw new Error("pkg/dist has no module: run `cargo xtask module` first");
  const wasm = readFileSync(at("dist/pullgate_bg.wasm"));
  const sha256 = createHash("sha256").update(wasm).digest("hex");
  generate("instance.js", factory(readFileSync(at("dist/pullgate.js"), "utf8")));
  generate("digest.js", `export default "${sha256}";\n`);
  generate("base64.js", `export default "${wasm.toString("base64")}";\n`);
  cpSync(at("../wit"), at("dist/wit"), { recursive: true });
  copyFileSync(at("../LICENSE"), at("LICENSE"));
  describe(sha256);
}

function generate(name, text) {
  writeFileSync(at(`dist/${name}`), `// Written by pkg/build.mjs.\n${text}`);
}

// Turns the glue of wasm-bindgen into a factory function: as a JavaScript module its state is global, and a trap would
// leave no second instance. (The option of wasm-bindgen for that needs a start function, which this module lacks.)
function factory(glue) {
  const [exported, start] = /export\{([\w$]+) as initSync,[\w$]+ as default\};/.exec(glue) ?? [];
  const body = glue.replace(exported, "").replace(/\bexport (class|function) /g, "$1 ");
  const names = [...glue.matchAll(/\bexport (?:class|function) ([\w$]+)/g)].map(([, name]) => name);
  if (start === undefined || names.length === 0 || /\b(?:export|import)\s*[{(*.]|\bimport\b/.test(body)) {
    throw new Error("the glue of this version of `wasm-bindgen` is not as pkg/build.mjs knows it");
  }
  return `/** Instantiates the compiled module. */
export function instantiate(module) {
// Keeps the glue from freeing policies: lib/policy.js does, which knows the current instance.
const FinalizationRegistry = undefined;
${body}
${start}({ module });
return { ${names.join(", ")} };
}
`;
}

function describe(sha256) {
  const description = JSON.parse(readFileSync(at("package.json"), "utf8"));
  description.wasm = sha256 && { sha256 };
  writeFileSync(at("package.json"), `${JSON.stringify(description, null, 2)}\n`);
}
