// Tests of the package as its users get it: packed by `npm pack`, installed, and started in every supported runtime and
// bundler. `node run.mjs`, after `cargo xtask module`. `--install` only installs the dependencies of the tests.

import assert from "node:assert/strict";
import { copyFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { here, installPackage, installTools, platformProgram, run, startServer, work } from "./setup.mjs";

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
  for (const name of ["CHANGELOG.md", "LICENSE", "README.md"]) assert.ok(files.includes(`package/${name}`), name);
});

test("the reference of the functions and types is up to date", () => {
  run(fileURLToPath(new URL("../../pkg/", import.meta.url)), process.execPath, "api_reference.mjs", "--check");
});

test("the README and the guide show what is tested", () => {
  const shows = (page, files) => {
    const text = readFileSync(new URL(`../../${page}`, import.meta.url), "utf8");
    const has = (file) => text.includes(readFileSync(join(here, file), "utf8"));
    assert.deepEqual(files.filter((file) => !has(file)), []);
  };
  shows("pkg/README.md", ["node/main.mjs", "vite/main.js"]);
  const components = ["EntryNotes.tsx", "react-hook-form/main.tsx", "tanstack/main.tsx"];
  const recipes = ["zod.mjs", "valibot.mjs", "vee-validate.mjs", "german.mjs"];
  shows("docs/npm.md", [...[...components, ...recipes].map((file) => `forms/${file}`), "esbuild/file.js"]);
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

for (const [name, version] of [["vite", 8], ["vite7", 7]]) {
  consumer(`Vite ${version}, built`, async () => {
    const { build } = await import(name);
    const outDir = join(work, name);
    await build({ root: join(here, "vite"), logLevel: "warn", build: { outDir, emptyOutDir: true } });
    await expectTitle(outDir);
  });

  consumer(`Vite ${version}, for a server, with everything in one file`, async () => {
    const { build } = await import(name);
    const outDir = join(work, `${name}-ssr`);
    const ssr = { noExternal: true };
    const options = { ssr: "node.js", outDir, emptyOutDir: true };
    await build({ root: join(here, "esbuild"), logLevel: "warn", ssr, build: options });
    assert.equal(run(outDir, process.execPath, "node.js"), EXPECTED_OUTPUT);
  });
}

consumer("Vite 8, in development", async () => {
  await developing("vite", {}, expectTitleAt);
});

consumer("Vite 7, in development, with the line of the guide", async () => {
  await developing("vite7", { optimizeDeps: { exclude: ["pullgate"] } }, expectTitleAt);
});

consumer("Vite 7, in development, without it: the error has the line", async () => {
  await developing("vite7", {}, async (address) => {
    const { page, errors } = await open(address);
    while (errors.length === 0) await page.waitForTimeout(100);
    assert.match(errors[0], /^pullgate: .*optimizeDeps: \{ exclude: \["pullgate"\] \}/);
    await page.close();
  });
});

/** Calls `check` with the address of a development server. */
async function developing(name, options, check) {
  const { createServer } = await import(name);
  const root = join(here, "vite");
  const cacheDir = join(work, `${name}-cache-${Object.keys(options).length}`);
  const local = { host: "127.0.0.1", port: 0 };
  const server = await createServer({ root, logLevel: "warn", cacheDir, server: local, ...options });
  try {
    await server.listen();
    await check(server.resolvedUrls.local[0]);
  } finally {
    await server.close();
  }
}

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

consumer("esbuild, with the module as a file", async () => {
  const { build } = await import("esbuild");
  const outdir = join(work, "esbuild-file");
  const options = { entryPoints: { main: "file.js" }, format: "esm", loader: { ".wasm": "file" } };
  await build({ absWorkingDir: join(here, "esbuild"), bundle: true, outdir, ...options });
  page(outdir);
  await expectTitle(outdir);
});

consumer("esbuild, for Node, with everything in one file", async () => {
  const { build } = await import("esbuild");
  for (const format of ["esm", "cjs"]) {
    const outfile = join(work, `esbuild-node/main.${format === "esm" ? "mjs" : "cjs"}`);
    const options = { entryPoints: ["node.js"], platform: "node", format };
    await build({ absWorkingDir: join(here, "esbuild"), bundle: true, outfile, ...options });
    assert.equal(run(work, process.execPath, outfile), EXPECTED_OUTPUT);
  }
});

consumer("a bundle for React Native says what to use", async () => {
  const { build } = await import("esbuild");
  const outfile = join(work, "react-native/main.js");
  const options = { entryPoints: ["node.js"], conditions: ["react-native", "require"], logLevel: "error" };
  await build({ absWorkingDir: join(here, "esbuild"), bundle: true, outfile, ...options });
  assert.throws(() => run(work, process.execPath, outfile), /pullgate does not run in React Native, which has .*: /);
});

consumer("Bun, for Node, with everything in one file", () => {
  const outfile = join(work, "bun/main.mjs");
  const bun = platformProgram("@oven", "bin/bun");
  run(join(here, "bun"), bun, "build", "main.mjs", "--target=node", `--outfile=${outfile}`);
  assert.equal(run(work, process.execPath, outfile), EXPECTED_OUTPUT);
});

consumer("Jest, with CommonJS in Node and jsdom, and with modules", () => {
  const jest = (environment, pattern, ...flags) => {
    const rootDir = join(here, "jest");
    const config = { rootDir, testEnvironment: environment, transform: {}, testMatch: [`**/${pattern}`] };
    const program = join(here, "node_modules/jest/bin/jest.js");
    const cache = `--cacheDirectory=${join(work, "jest")}`;
    run(here, process.execPath, ...flags, program, "--ci", "--runInBand", cache, "--config", JSON.stringify(config));
  };
  for (const environment of ["node", "jsdom"]) {
    jest(environment, "commonjs.test.cjs");
    jest(environment, "modules.test.mjs", "--experimental-vm-modules", "--no-warnings");
  }
});

consumer("Vitest, in Node and jsdom", () => {
  for (const environment of ["node", "jsdom"]) {
    const [vitest, root] = [join(here, "node_modules/vitest/vitest.mjs"), join(here, "vitest")];
    run(root, process.execPath, vitest, "run", "--environment", environment, "--root", root);
  }
});

// Client, server and edge.
for (const bundler of ["turbopack", "webpack"]) {
  slowConsumer(`Next.js with ${bundler}`, async () => {
    const folder = join(work, `next-${bundler}`);
    cpSync(join(here, "next"), folder, { recursive: true });
    // Next.js 16.4 fails to build any edge route with webpack.
    if (bundler === "webpack") rmSync(join(folder, "app/edge"), { recursive: true });
    const next = (...args) => [join(here, "node_modules/next/dist/bin/next"), ...args, folder];
    run(folder, process.execPath, ...next("build", `--${bundler}`));
    await serving(folder, next("start", "--port", "0", "--hostname", "127.0.0.1"), async (address) => {
      const text = async (path) => (await fetch(new URL(path, address))).text();
      assert.match(await text("/"), new RegExp(EXPECTED_OUTPUT));
      assert.equal(await text("/route"), EXPECTED_OUTPUT);
      if (bundler === "turbopack") assert.equal(await text("/edge"), EXPECTED_OUTPUT);
      assert.match(await text("/client"), new RegExp(EXPECTED_OUTPUT));
      await expectTitleAt(new URL("/client", address).href);
    });
  });
}

/** Declares the test of a framework, whose build takes a minute on a slow machine. */
function slowConsumer(name, check) {
  test(name, { timeout: 240_000 }, check);
}

/** Starts a server in Node, and calls `check` with its address, which it prints. */
async function serving(folder, args, check) {
  const { address, end } = await startServer(folder, args);
  try {
    await check(address);
  } finally {
    await end();
  }
}

consumer("a page without a build, under a strict policy for its content", async () => {
  await expectTitle(join(here, "html"), 1, { "/pullgate/": join(here, "node_modules/pullgate/") });
});

for (const name of ["react-hook-form", "tanstack"]) {
  consumer(`the form of the guide: ${name}`, async () => {
    const { build } = await import("vite");
    const outDir = join(work, name);
    const options = { outDir, emptyOutDir: true };
    // The library of TanStack has directives that are lost here, which is a warning each.
    await build({ root: join(here, "forms", name), logLevel: "error", build: options });
    const { address, end } = await serve(outDir);
    try {
      await useForm(address);
    } finally {
      end();
    }
  });
}

/** Uses a form: an error blocks, its fix is a button, a range becomes rows, and a warning does not block. */
async function useForm(address) {
  const { page, errors } = await open(address);
  const input = page.locator("input");
  const save = page.getByRole("button", { name: "Save" });
  await input.fill("10.2.2/24");
  await page.getByRole("alert").getByText("`10.2.2/24` has 3 of the 4 numbers of an IPv4 network").waitFor();
  await save.click();
  await page.locator("input[aria-invalid=true]").waitFor();
  assert.equal(await page.title(), "waiting");
  await page.getByRole("button", { name: "Write 10.2.2.0/24" }).click();
  assert.equal(await input.inputValue(), "10.2.2.0/24");
  await page.getByRole("button", { name: "Add" }).click();
  await input.nth(1).fill("10.0.0.0-10.0.0.4");
  await page.getByRole("button", { name: /^Write/ }).click();
  await input.nth(2).waitFor();
  await page.getByRole("button", { name: "Add" }).click();
  await input.nth(3).fill("10.0.0.4");
  await page.getByRole("status").getByText("10.0.0.4").first().waitFor();
  assert.equal(await page.getByRole("alert").count(), 0);
  await save.click();
  await page.waitForFunction(() => document.title !== "waiting");
  const { whitelist } = JSON.parse(await page.title());
  assert.deepEqual(whitelist.map(({ entry }) => entry), ["10.2.2.0/24", "10.0.0.0/30", "10.0.0.4", "10.0.0.4"]);
  assert.deepEqual(errors, []);
  await page.close();
}

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
  // Files other than scripts have no types.
  const others = ["policy.schema.json", "component.wasm", "pullgate.wasm", "wit/*", "package.json"];
  run(here, attw, tarball, "--profile", "node16", "--exclude-entrypoints", ...others);
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
