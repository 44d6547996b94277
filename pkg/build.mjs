// What the package has besides what is written by hand and by `cargo xtask module`. `npm pack` runs this first, and with
// `--undo` last: the digest of the module stands in the package.json of the tarball, and in no other.

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

// The glue keeps its state in the module that it is, so there could be one instance, for good. As the body of a function
// there can be another one after a trap. (`wasm-bindgen` has an option for that; the code it makes does not run where the
// module has no start function, as here.)
function factory(glue) {
  const [exported, start] = /export\{([\w$]+) as initSync,[\w$]+ as default\};/.exec(glue) ?? [];
  const body = glue.replace(exported, "").replace(/\bexport (class|function) /g, "$1 ");
  const names = [...glue.matchAll(/\bexport (?:class|function) ([\w$]+)/g)].map(([, name]) => name);
  if (start === undefined || names.length === 0 || /\b(?:export|import)\s*[{(*.]|\bimport\b/.test(body)) {
    throw new Error("the glue of this version of `wasm-bindgen` is not as pkg/build.mjs knows it");
  }
  return `/** Starts an instance of the compiled module. */
export function instantiate(module) {
// Without it the glue frees nothing by itself: lib/policy.js does, which knows whether the instance still runs.
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
