// Tests of the package as its users get it: packed by `npm pack`, installed, and started in every supported runtime and
// bundler. `node run.mjs`, after `cargo xtask module`. `--install` only installs the dependencies of the tests.

import assert from "node:assert/strict";
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";

import { here, installPackage, installTools, platformProgram, run, work } from "./setup.mjs";

// The output of the five lines of each consumer.
const EXPECTED_OUTPUT = "network-octets-missing 10.2.2.0/24";

installTools();
if (process.argv.includes("--install")) process.exit();

const description = new URL("../../pkg/package.json", import.meta.url);
const before = readFileSync(description, "utf8");
const { tarball, project } = installPackage();
const { close, open, serve } = await import("./browser.mjs");

after(async () => {
  await close();
  rmSync(project, { recursive: true, force: true });
});

/** Declares the test of a consumer, with a time limit. */
function consumer(name, check) {
  test(name, { timeout: 60_000 }, check);
}

test("packing leaves no trace", () => {
  assert.equal(readFileSync(description, "utf8"), before);
});

test("the tarball has one module for browsers, and one component", () => {
  const files = run(here, "tar", "-tzf", tarball).split("\n");
  assert.deepEqual(files.filter((name) => /wasm$/.test(name)).sort(), [
    "package/dist/pullgate.component.wasm",
    "package/dist/pullgate_bg.wasm",
  ]);
  for (const name of ["package/LICENSE", "package/README.md"]) assert.ok(files.includes(name), name);
});

test("the README shows what is tested", () => {
  const text = readFileSync(new URL("../../pkg/README.md", import.meta.url), "utf8");
  for (const file of ["node/main.mjs", "vite/main.js"]) {
    assert.ok(text.includes(readFileSync(join(here, file), "utf8")), file);
  }
});

consumer("an empty project: Node with `import` and with `require`", () => {
  for (const file of ["main.mjs", "main.cjs"]) {
    copyFileSync(join(here, "node", file), join(project, file));
    assert.equal(run(project, process.execPath, "--no-warnings", file), EXPECTED_OUTPUT);
  }
});

consumer("Node: the tests of the package", () => {
  const files = readdirSync(join(here, "node")).filter((file) => file.endsWith(".test.mjs"));
  run(join(here, "node"), process.execPath, "--test", ...files);
});

consumer("Deno", () => {
  const deno = platformProgram("@deno", "deno");
  assert.equal(run(join(here, "deno"), deno, "run", "--cached-only", "--no-lock", "--allow-read", "main.mjs"), EXPECTED_OUTPUT);
});

consumer("Bun", () => {
  assert.equal(run(join(here, "bun"), platformProgram("@oven", "bin/bun"), "run", "--no-install", "main.mjs"), EXPECTED_OUTPUT);
});

consumer("workerd", async () => {
  const { build } = await import("esbuild");
  // Wrangler's layout: one script, with WebAssembly modules beside it.
  await build({
    absWorkingDir: join(here, "workerd"),
    entryPoints: ["worker.mjs"],
    bundle: true,
    format: "esm",
    conditions: ["workerd", "worker", "browser"],
    loader: { ".wasm": "copy" },
    outdir: join(work, "workerd"),
  });
  const { Miniflare } = await import("miniflare");
  const worker = new Miniflare({
    scriptPath: join(work, "workerd/worker.js"),
    modules: true,
    modulesRules: [
      { type: "ESModule", include: ["**/*.js"] },
      { type: "CompiledWasm", include: ["**/*.wasm"] },
    ],
    compatibilityDate: "2026-03-01",
    // Keeps Miniflare from fetching request metadata from a server.
    cf: false,
  });
  try {
    const text = await (await worker.dispatchFetch("http://localhost/")).text();
    const { wasm } = JSON.parse(readFileSync(join(here, "node_modules/pullgate/package.json"), "utf8"));
    assert.equal(text, `${EXPECTED_OUTPUT} name-label-empty ${wasm.sha256}`);
  } finally {
    await worker.dispose();
  }
});

consumer("Vite, built", async () => {
  const { build } = await import("vite");
  const outDir = join(work, "vite");
  await build({ root: join(here, "vite"), logLevel: "warn", build: { outDir, emptyOutDir: true } });
  await expectTitle(outDir);
});

consumer("Vite, in development", async () => {
  const { createServer } = await import("vite");
  const root = join(here, "vite");
  const cacheDir = join(work, "vite-cache");
  const server = await createServer({ root, logLevel: "warn", cacheDir, server: { host: "127.0.0.1", port: 0 } });
  try {
    await server.listen();
    await expectTitleAt(server.resolvedUrls.local[0]);
  } finally {
    await server.close();
  }
});

consumer("webpack", async () => {
  const { default: webpack } = await import("webpack");
  const path = join(work, "webpack");
  const stats = await new Promise((resolve, reject) => {
    const options = { context: join(here, "webpack"), entry: "./main.js", mode: "production", output: { path } };
    webpack(options, (error, stats) => (error ? reject(error) : resolve(stats)));
  });
  assert.equal(stats.hasErrors(), false, stats.toString());
  page(path);
  await expectTitle(path);
});

consumer("esbuild, with everything in one file", async () => {
  const { build } = await import("esbuild");
  const outdir = join(work, "esbuild");
  const absWorkingDir = join(here, "esbuild");
  await build({ absWorkingDir, entryPoints: ["main.js"], bundle: true, minify: true, format: "esm", outdir });
  assert.deepEqual(readdirSync(outdir), ["main.js"]);
  page(outdir);
  await expectTitle(outdir, 0);
});

consumer("a page without a build, under a strict policy for its content", async () => {
  await expectTitle(join(here, "html"), 1, { "/pullgate/": join(here, "node_modules/pullgate/") });
});

consumer("React Hook Form", async () => {
  const { build } = await import("vite");
  const outDir = join(work, "react");
  await build({ root: join(here, "react"), logLevel: "warn", build: { outDir, emptyOutDir: true } });
  const { address, end } = await serve(outDir);
  try {
    const { page, errors } = await open(address);
    const alert = page.getByRole("alert");
    await page.locator("input").fill("10.2.2/24");
    await alert.getByText("`10.2.2/24` has 3 of the 4 numbers of an IPv4 network").waitFor();
    await page.locator("button").click();
    assert.equal(await page.title(), "waiting");
    await page.locator("input").fill("10.2.2.0/24");
    await page.waitForFunction(() => document.querySelector("[role=alert]").textContent === "");
    await page.locator("button").click();
    await page.waitForFunction(() => document.title !== "waiting");
    assert.equal(await page.title(), '{"whitelist":[{"entry":"10.2.2.0/24","comment":""}]}');
    assert.deepEqual(errors, []);
  } finally {
    end();
  }
});

consumer("TypeScript", async () => {
  const { typescriptFiles } = await import("./types/generate.mjs");
  await typescriptFiles(join(work, "types"));
  const tsc = join(here, "node_modules/.bin/tsc");
  for (const resolution of ["bundler", "node16", "form"]) run(here, tsc, "--project", `types/${resolution}.json`);
});

consumer("publint", async () => {
  const { publint } = await import("publint");
  const { messages } = await publint({ pkgDir: join(here, "node_modules/pullgate"), pack: false, strict: true });
  assert.deepEqual(messages, []);
});

consumer("Are the types wrong?", () => {
  const attw = join(here, "node_modules/.bin/attw");
  // ESM alone, which Node can `require`. Files other than scripts have no types.
  const others = ["policy.schema.json", "component.wasm", "wit/*", "package.json"];
  run(here, attw, tarball, "--profile", "esm-only", "--exclude-entrypoints", ...others);
});

/** Writes a page for the script of a bundler. */
function page(folder) {
  const script = '<script type="module" src="main.js"></script>';
  writeFileSync(join(folder, "index.html"), `<!doctype html><title>waiting</title>${script}`);
}

/** Checks that the page in a folder shows the expected title after fetching this number of modules. */
async function expectTitle(folder, modules = 1, mounts = {}) {
  const { address, end } = await serve(folder, mounts);
  try {
    await expectTitleAt(address, modules);
  } finally {
    end();
  }
}

async function expectTitleAt(address, modules = 1) {
  const { page, requests, errors } = await open(address);
  try {
    await page.waitForFunction(() => document.title !== "waiting", undefined, { timeout: 20_000 });
  } catch (error) {
    throw new Error(`the page at ${address} says nothing: ${errors.join("; ")}`, { cause: error });
  }
  assert.equal(await page.title(), EXPECTED_OUTPUT);
  assert.deepEqual(errors, []);
  assert.equal(requests.filter((url) => url.includes(".wasm")).length, modules, requests.join("\n"));
  await page.close();
}
