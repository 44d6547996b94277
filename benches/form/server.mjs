// Serves folders with gzip, and counts the bytes sent.

import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".wasm": "application/wasm" };
const packed = new Map();

export async function serve(folder) {
  let bytes = 0;
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const file = join(folder, pathname);
    if (pathname.startsWith("/v1/") || !existsSync(file)) {
      response.statusCode = 404;
      response.end();
      return;
    }
    if (!packed.has(file)) packed.set(file, gzipSync(readFileSync(file), { level: 9 }));
    bytes += packed.get(file).length;
    response.setHeader("content-type", TYPES[extname(file)] ?? "text/plain");
    response.setHeader("content-encoding", "gzip");
    response.setHeader("cache-control", "no-store");
    response.end(packed.get(file));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}/`,
    bytes: () => bytes,
    end: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
