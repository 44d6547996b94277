// Chromium, and a server for its pages.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";
import { chromiumOptions } from "../chromium.mjs";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

let running;

/** Opens a page. Returns it with its requests and errors so far. */
export async function open(address) {
  running ??= chromium.launch(chromiumOptions());
  const page = await (await running).newPage();
  const requests = [];
  const errors = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    // Browsers request an icon, which no page here has.
    if (message.type() === "error" && !message.location().url.endsWith("/favicon.ico")) errors.push(message.text());
  });
  await page.goto(address);
  return { page, requests, errors };
}

/** Closes Chromium. */
export async function close() {
  await (await running)?.close();
}

/** Serves a folder. Returns the address and a function that stops the server. `mounts` maps paths to other folders. */
export async function serve(folder, mounts = {}) {
  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://localhost").pathname;
    const mount = Object.keys(mounts).find((prefix) => path.startsWith(prefix));
    const file = mount === undefined ? join(folder, path) : join(mounts[mount], path.slice(mount.length));
    try {
      const content = readFileSync(path === "/" ? join(folder, "index.html") : file);
      response.setHeader("content-type", TYPES[extname(path)] ?? "text/html");
      response.end(content);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const end = () => {
    server.closeAllConnections();
    server.close();
  };
  return { address: `http://127.0.0.1:${server.address().port}/`, end };
}
