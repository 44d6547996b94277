// Compilation of the module from the sources that a browser has.

/** Compiles a `ModuleSource` (index.d.ts) to `{module, digest}`. */
export async function loadModule(source) {
  const resolved = await source;
  if (resolved instanceof WebAssembly.Module) return { module: resolved, digest: undefined };
  if (resolved instanceof ArrayBuffer || ArrayBuffer.isView(resolved)) return compile(resolved);
  const response = resolved instanceof Response ? resolved : await fetch(resolved);
  if (!response.ok) throw new Error(`the module cannot be had from ${response.url}: status ${response.status}`);
  // Not `compileStreaming`: it requires a MIME type that many servers do not send, and gives no bytes to hash.
  return compile(await response.arrayBuffer());
}

async function compile(bytes) {
  const [module, digest] = await Promise.all([WebAssembly.compile(bytes), sha256(bytes)]);
  return { module, digest };
}

async function sha256(bytes) {
  // Present in secure contexts only: HTTPS, or localhost.
  const hash = await globalThis.crypto?.subtle?.digest("SHA-256", bytes);
  return hash && Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
