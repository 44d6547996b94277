import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

// The digest that the package says its module has. The page shows whether the bytes that it loaded have it too.
const digest = readFileSync(new URL("../pkg/dist/digest.js", import.meta.url), "utf8").match(/[0-9a-f]{64}/)?.[0];

export default defineConfig({
  // The page may live under any path.
  base: "./",
  define: { PACKAGE_DIGEST: JSON.stringify(digest ?? "") },
  plugins: [preloadModule()],
  build: {
    // Browsers that know `light-dark()`: anything since May 2024.
    target: ["chrome123", "firefox120", "safari17.5"],
    // The content security policy has no `data:`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { fs: { allow: [".", "../pkg"] } },
});

/** Lets the browser fetch the module while it still reads the script that asks for it. */
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
