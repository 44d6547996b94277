// Compilation of the module from the sources that a browser has, with errors that name the cause and the remedy.

import { version } from "../dist/identity.js";

// The magic number and the layer of a core module, and of a component (https://webassembly.github.io/spec/core/binary).
const MODULE_PREAMBLE = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const COMPONENT_PREAMBLE = [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];

const REMEDY =
  'in development with Vite 5 to 7, set `optimizeDeps: { exclude: ["pullgate"] }`; with a bundler that copies no ' +
  "files, import from `pullgate/inline`, or serve a copy of `pullgate/pullgate.wasm` and give its URL to `ready`";

/** Compiles a `ModuleSource` (index.d.ts) to `{module, digest}`. */
export async function loadModule(source) {
  const resolved = await source;
  if (isModule(resolved)) return { module: resolved, digest: undefined };
  if (isBuffer(resolved) || ArrayBuffer.isView(resolved)) return compile(bytesOf(resolved), "the source");
  const response = await responseOf(resolved);
  const url = response.url || "the source";
  if (response.ok === false) throw new Error(`pullgate: ${url} has no module (status ${response.status}): ${REMEDY}`);
  // Not `compileStreaming`: it requires a MIME type that many servers do not send, and gives no bytes to hash.
  return compile(new Uint8Array(await response.arrayBuffer()), url);
}

/** Compiles bytes synchronously. */
export function compileSync(bytes) {
  try {
    return new WebAssembly.Module(bytes);
  } catch (cause) {
    throw compileError(cause, "the module in the package");
  }
}

/** Returns the error for a module that is not of this package; `found` is its version, if it has one. */
export function foreignModuleError(found, cause) {
  const kind = found === undefined ? "not pullgate's" : `of version ${found}`;
  const remedy = `use \`pullgate/pullgate.wasm\` of the installed package, which is of version ${version}`;
  return new Error(`pullgate: the module is ${kind}: ${remedy}`, { cause });
}

async function responseOf(source) {
  if (typeof source?.arrayBuffer === "function") return source;
  if (typeof source !== "string" && !hasTag(source, "URL") && !hasTag(source, "Request")) {
    const expected = "bytes, a WebAssembly.Module, a URL, a Response, or a promise of one";
    throw new TypeError(`\`source\` must be ${expected}`);
  }
  try {
    return await fetch(source);
  } catch (cause) {
    const url = typeof source === "string" ? source : (source.url ?? source.href);
    const remedy = url.startsWith("file:")
      ? "serve the page over HTTP, or import from `pullgate/inline`"
      : "check the network, and that a content security policy has this origin in `connect-src`";
    throw new Error(`pullgate: ${url} cannot be fetched: ${remedy}`, { cause });
  }
}

async function compile(bytes, origin) {
  if (!startsWith(bytes, MODULE_PREAMBLE)) throw preambleError(bytes, origin);
  try {
    const [module, digest] = await Promise.all([WebAssembly.compile(bytes), sha256(bytes)]);
    return { module, digest };
  } catch (cause) {
    throw compileError(cause, origin);
  }
}

function preambleError(bytes, origin) {
  if (startsWith(bytes, COMPONENT_PREAMBLE)) {
    const remedy = "JavaScript runs `pullgate/pullgate.wasm`";
    return new Error(`pullgate: ${origin} is the component: ${remedy}`);
  }
  const isMarkup = /^\s*</.test(String.fromCharCode(...bytes.subarray(0, 64)).replace("\u{ef}\u{bb}\u{bf}", ""));
  const kind = isMarkup ? "an HTML page in place of the module" : "no WebAssembly module";
  return new Error(`pullgate: ${origin} is ${kind}: ${REMEDY}`);
}

function compileError(cause, origin) {
  // Chromium and Safari name the source that the policy lacks, Firefox the policy.
  if (/unsafe-eval|CSP|content security policy/i.test(cause?.message)) {
    const remedy = "add `'wasm-unsafe-eval'` to `script-src`, and the module's origin to `connect-src`";
    return new Error(`pullgate: the content security policy forbids WebAssembly: ${remedy}`, { cause });
  }
  return new Error(`pullgate: ${origin} cannot be compiled: ${cause?.message}`, { cause });
}

async function sha256(bytes) {
  // Present in secure contexts only: HTTPS, or localhost.
  const hash = await globalThis.crypto?.subtle?.digest("SHA-256", bytes);
  return hash && Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Values of another realm (a frame, Jest) are of other classes with the same tags.
function hasTag(value, tag) {
  return Object.prototype.toString.call(value) === `[object ${tag}]`;
}

function isModule(value) {
  return hasTag(value, "WebAssembly.Module");
}

function isBuffer(value) {
  return hasTag(value, "ArrayBuffer") || hasTag(value, "SharedArrayBuffer");
}

function bytesOf(value) {
  return isBuffer(value) ? new Uint8Array(value) : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

function startsWith(bytes, prefix) {
  return prefix.every((byte, index) => bytes[index] === byte);
}
