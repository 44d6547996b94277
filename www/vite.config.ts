import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

// The digest of the module according to the package. The page compares it with the bytes that it loaded.
const digest = readFileSync(new URL("../pkg/dist/digest.js", import.meta.url), "utf8").match(/[0-9a-f]{64}/)?.[0];

export default defineConfig({
  // Relative, so that the page can be served under any path.
  base: "./",
  define: { PACKAGE_DIGEST: JSON.stringify(digest ?? "") },
  plugins: [preloadModule(), englishOnly()],
  build: {
    // Browsers with `light-dark()`: since May 2024.
    target: ["chrome123", "firefox120", "safari17.5"],
    // The content security policy does not allow `data:`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { fs: { allow: [".", "../pkg"] } },
});

/** Leaves out React Aria's strings in other languages than that of the page (src/messages.ts): a sixth of the script. */
function englishOnly(): Plugin {
  const strings = /\/react-aria[\w-]*\/dist\/.*\/intl\/.*(?<!en-US)\.mjs/;
  return {
    name: "english-only",
    enforce: "pre",
    load: (id) => (strings.test(id) ? "export default {};" : undefined),
  };
}

/** Preloads the module, so that the browser fetches it while it parses the script. */
function preloadModule(): Plugin {
  return {
    name: "preload-module",
    transformIndexHtml: {
      order: "post",
      handler: (_, { bundle }) => {
        const file = Object.keys(bundle ?? {}).find((name) => name.endsWith(".wasm"));
        if (file === undefined) return [];
        const attrs = { rel: "preload", href: `./${file}`, as: "fetch", type: "application/wasm", crossorigin: "" };
        return [{ tag: "link", attrs, injectTo: "head" }];
      },
    },
  };
}
