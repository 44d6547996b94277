// Serves the built page as the daemon does, under the strict content security policy. A test gives the daemon's responses in
// `daemon`: functions by path, from the request body and the request to an object, `{status, text}` or `{bytes}`, the last
// optionally with a `status`, a `type` and `headers`.

import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const page = fileURLToPath(new URL("../../www/dist/", import.meta.url));

/** The style of the first paint is allowed by its hash. */
const [, style = ""] = /<style>(.*?)<\/style>/s.exec(readFileSync(join(page, "index.html"), "utf8")) ?? [];
const styleHash = createHash("sha256").update(style).digest("base64");

export const CONTENT_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  `style-src 'self' 'sha256-${styleHash}'`,
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** Starts the server under a path. Returns its address, its list of requests, and a function that stops it. */
export async function serve({ under = "/", daemon = {}, files = page, contentPolicy = CONTENT_POLICY } = {}) {
  const requests = [];
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://localhost").pathname;
    const name = path.startsWith(under) ? path.slice(under.length) || "index.html" : "";
    const body = await bodyOf(request);
    requests.push({ name, method: request.method, headers: request.headers, body });
    if (contentPolicy !== null) response.setHeader("content-security-policy", contentPolicy);
    response.setHeader("cache-control", "no-store");
    const answer = daemon[name]?.(body, request);
    if (answer !== undefined) return reply(response, await answer);
    const file = join(files, normalize(`/${name}`));
    if (name === "" || !existsSync(file)) return reply(response, { status: 404, text: "not here" });
    response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const end = () => {
    server.closeAllConnections();
    server.close();
  };
  return { address: `http://127.0.0.1:${server.address().port}${under}`, requests, end };
}

async function bodyOf(request) {
  const chunks = await request.toArray();
  const text = Buffer.concat(chunks).toString();
  return text === "" ? undefined : JSON.parse(text);
}

function reply(response, answer) {
  if (answer.bytes !== undefined) {
    response.statusCode = answer.status ?? 200;
    for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
    if (answer.type) response.setHeader("content-type", answer.type);
    return response.end(answer.bytes);
  }
  const isText = typeof answer.text === "string";
  response.statusCode = answer.status ?? 200;
  response.setHeader("content-type", isText ? "text/plain" : "application/json");
  response.end(isText ? answer.text : JSON.stringify(answer));
}
