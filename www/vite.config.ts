import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";
import { compressedFiles, firstTexts, lateStyleSheet, styleHashes } from "./firstPaint";

// The digest of the module according to the package. The page compares it with the bytes that it loaded.
const digest = readFileSync(new URL("../pkg/dist/identity.js", import.meta.url), "utf8").match(/[0-9a-f]{64}/)?.[0];

// `vite build --mode static` builds the playground: the page for a static host, without a daemon.
export default defineConfig(({ mode }) => ({
  // Relative, so that the page can be served under any path.
  base: "./",
  define: { PACKAGE_DIGEST: JSON.stringify(digest ?? ""), IS_STATIC: mode === "static" },
  plugins: [
    firstTexts(),
    preloadModule(),
    lateStyleSheet(),
    englishOnly(),
    // A static host compresses by itself, and sends no content security policy.
    mode === "static" ? contentSecurityPolicy() : compressedFiles(),
  ],
  build: {
    // Browsers with `light-dark()`: since May 2024.
    target: ["chrome123", "firefox120", "safari17.5"],
    // The content security policy does not allow `data:`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { fs: { allow: [".", "../pkg"] } },
}));

/** Adds the content security policy that the daemon sends in a header, which a static host does not. */
function contentSecurityPolicy(): Plugin {
  const contentOf = (html: string) =>
    [
      "default-src 'none'",
      "script-src 'self' 'wasm-unsafe-eval'",
      `style-src ${["'self'", ...styleHashes(html)].join(" ")}`,
      ...["img-src", "font-src", "connect-src"].map((directive) => `${directive} 'self'`),
      "base-uri 'none'",
      "form-action 'none'",
    ].join("; ");
  return {
    name: "content-security-policy",
    transformIndexHtml: {
      order: "post",
      handler: (html) => {
        const attrs = { "http-equiv": "Content-Security-Policy", content: contentOf(html) };
        return [{ tag: "meta", attrs, injectTo: "head-prepend" }];
      },
    },
  };
}

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
