// Runs the unit tests, `src/**/*.test.ts`, with the test runner of Node. Vite compiles them.

import { readdirSync } from "node:fs";
import { createServer } from "vite";

const server = await createServer({
  logLevel: "error",
  server: { middlewareMode: true, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true },
  ssr: { external: ["pullgate"] },
});
const files = readdirSync("src", { recursive: true }).filter((name) => name.endsWith(".test.ts")).sort();
for (const file of files) await server.ssrLoadModule(`/src/${file}`);
await server.close();
