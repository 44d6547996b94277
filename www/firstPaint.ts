// Plugins of the build for the first paint: text before the scripts, and files that are compressed once.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";
import { messages } from "./src/messages";

/** Fills in the texts of index.html: those that are read before the page's own scripts run. */
export function firstTexts(): Plugin {
  const { title, product, intro, loading, late, tryAgain } = { ...messages, ...messages.start };
  const texts: Record<string, string> = { title, product, intro, loading, late, tryAgain };
  return {
    name: "first-texts",
    transformIndexHtml: {
      order: "pre",
      handler: (html) => html.replace(/%(\w+)%/g, (placeholder, name: string) => texts[name] ?? placeholder),
    },
  };
}

/** Moves the style sheet behind the text of the first paint, which a style sheet in the head would hold up. */
export function lateStyleSheet(): Plugin {
  const link = /\s*<link rel="stylesheet"[^>]*>/g;
  return {
    name: "late-style-sheet",
    transformIndexHtml: {
      order: "post",
      handler: (html) => html.replace(link, "").replace("</body>", `${html.match(link)?.join("") ?? ""}\n  </body>`),
    },
  };
}

/** Returns the sources of the inline styles of a page, for its content security policy. */
export function styleHashes(html: string): string[] {
  const styles = [...html.matchAll(/<style>(.*?)<\/style>/gs)].map(([, style = ""]) => style);
  return styles.map((style) => `'sha256-${createHash("sha256").update(style).digest("base64")}'`);
}

/** Files below this size gain nothing from compression. */
const MIN_BYTES = 512;

/** Writes each file in brotli and gzip beside it, of which the daemon serves the one that a client accepts. */
export function compressedFiles(): Plugin {
  let folder = "";
  return {
    name: "compressed-files",
    apply: "build",
    configResolved: ({ root, build }) => {
      folder = join(root, build.outDir);
    },
    closeBundle: () => {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        if (!entry.isFile() || /\.(?:br|gz)$/.test(path)) continue;
        const content = readFileSync(path);
        if (content.length < MIN_BYTES) continue;
        const params = { [constants.BROTLI_PARAM_SIZE_HINT]: content.length, [constants.BROTLI_PARAM_LGWIN]: 22 };
        writeFileSync(`${path}.br`, brotliCompressSync(content, { params }));
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
      }
    },
  };
}
