// The UTF-8 codecs of the glue. jsdom, as Jest runs it, lacks both classes, and has the `Buffer` of Node.

/** The platform's `TextDecoder`, or one over `Buffer`. */
export const TextDecoder = globalThis.TextDecoder ?? BufferDecoder;

/** The platform's `TextEncoder`, or one over `Buffer`. */
export const TextEncoder = globalThis.TextEncoder ?? BufferEncoder;

function BufferDecoder() {
  const { Buffer } = globalThis;
  this.decode = (bytes = []) => Buffer.from(bytes).toString("utf8");
}

function BufferEncoder() {
  const { Buffer } = globalThis;
  this.encode = (text) => Buffer.from(text, "utf8");
}
