// Runs the examples of other hosts (docs/examples/hosts), and checks that they decide as the module does: the same bytes
// for every reference of tests/vectors. `node tests/hosts/run.mjs` installs what they need under target/hosts.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Policy } from "../node/module.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const examples = join(root, "docs/examples");
const built = join(root, "target/hosts");
const component = join(root, "pkg/dist/pullgate.component.wasm");
const coreModule = join(root, "pkg/dist/pullgate_bg.wasm");

/** The hosts: what sets each up, as its README says, and the command that takes a policy and references. */
const hosts = {
  python() {
    const packages = join(built, "python");
    const wanted = join(examples, "hosts/python/requirements.txt");
    run("python3", ["-m", "pip", "install", "--quiet", "--upgrade", "--target", packages, "--requirement", wanted]);
    return ["env", `PYTHONPATH=${packages}`, "python3", join(examples, "hosts/python/decide.py"), component];
  },
  go() {
    const program = join(built, "decide");
    run("go", ["build", "-o", program, "."], join(examples, "hosts/go"));
    return [program, coreModule];
  },
  jco() {
    // In a folder of its own, from where the component is as far.
    const folder = join(built, "a/b/c/jco");
    cpSync(join(examples, "hosts/jco"), folder, { recursive: true, filter: (path) => !/node_modules|dist$/.test(path) });
    mkdirSync(join(built, "pkg/dist"), { recursive: true });
    cpSync(component, join(built, "pkg/dist/pullgate.component.wasm"));
    run("npm", ["ci", "--no-audit", "--no-fund", "--silent"], folder);
    run("npm", ["run", "--silent", "transpile"], folder);
    return [process.execPath, join(folder, "decide.mjs")];
  },
};

const policies = readdirSync(examples).filter((name) => name.endsWith(".json"));
const references = referencesOfVectors();
const badPolicy = written("bad.json", '{"whitelist": ["h:0"]}');
const localPolicy = written("local.json", '{"whitelist": ["127.0.0.0/8", "::1"], "match_resolved_addresses": true}');

assert.ok(references.length > 100, `${references.length} references are too few`);

for (const [name, setUp] of Object.entries(hosts)) {
  test(`${name} decides as the module does`, () => {
    const command = setUp();
    for (const policy of policies) {
      const file = join(examples, policy);
      const decisions = expected(readFileSync(file, "utf8"));
      const { status, stdout } = decide(command, file, [...decisions.keys()]);
      assert.deepEqual(stdout.trimEnd().split("\n"), [...decisions.values()], policy);
      assert.equal(status, 1, policy);
    }
    const allowed = decide(command, join(examples, "worked-example-1.json"), ["10.2.40.40:443/app"]);
    assert.equal(allowed.status, 0, allowed.stderr);

    const refused = decide(command, badPolicy, ["alpine"]);
    assert.equal(refused.status, 2, refused.stderr);
    assert.match(refused.stderr, /error\[port-invalid\]: `0` is not a port/);
    assert.equal(refused.stdout, "");

    const { decision, pinned } = JSON.parse(decide(command, localPolicy, ["localhost/app"]).stdout);
    assert.equal(decision, "allow");
    assert.ok(pinned.every((address) => ["127.0.0.1", "::1"].includes(address)), pinned.join());
    assert.equal(JSON.parse(decide(command, localPolicy, ["name.invalid/app"]).stdout).decision, "deny");
  });
}

/** Returns the references that a policy decides without DNS, with the canonical texts of the decisions. */
function expected(document) {
  const policy = Policy.load(document, Math.floor(Date.now() / 1000)).policy;
  const decisions = references.map((reference) => [reference, policy.decideText({ reference, kind: "image" })]);
  return new Map(decisions.filter(([, text]) => JSON.parse(text).decision !== "lookup"));
}

/** Returns the references of all vectors that an argument of a command can be. */
function referencesOfVectors() {
  const found = new Set();
  const isArgument = (text) => text.isWellFormed() && !/[\0\n]|^-|^$/.test(text) && text.length < 1_000;
  const collect = (value) => {
    if (value === null || typeof value !== "object") return;
    if (typeof value.reference === "string" && isArgument(value.reference)) found.add(value.reference);
    Object.values(value).forEach(collect);
  };
  const vectors = join(root, "tests/vectors");
  for (const name of readdirSync(vectors).filter((name) => name.endsWith(".json"))) {
    collect(JSON.parse(readFileSync(join(vectors, name), "utf8")));
  }
  return [...found];
}

function decide([program, ...options], policy, arguments_) {
  return spawnSync(program, [...options, policy, ...arguments_], { encoding: "utf8", timeout: 60_000 });
}

function run(program, arguments_, cwd = root) {
  execFileSync(program, arguments_, { cwd, stdio: ["ignore", "inherit", "inherit"], timeout: 180_000 });
}

function written(name, text) {
  mkdirSync(built, { recursive: true });
  writeFileSync(join(built, name), text);
  return join(built, name);
}
