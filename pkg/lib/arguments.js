// Conversion of arguments that the module takes in one form only.

// In the year 5138. A larger number is in milliseconds.
const MAX_SECONDS = 1e11;

/** Returns a time in seconds since 1970-01-01 UTC, of a number of seconds, a `Date`, or now. */
export function timeInSeconds(at) {
  if (at === undefined) return Math.floor(Date.now() / 1000);
  if (Object.prototype.toString.call(at) === "[object Date]") {
    const seconds = Math.floor(at.getTime() / 1000);
    if (Number.isNaN(seconds)) throw new TypeError("`at` is an invalid date");
    return seconds;
  }
  if (at >= MAX_SECONDS) {
    throw new TypeError("`at` is in seconds since 1970-01-01 UTC, and this looks like milliseconds: pass a Date");
  }
  return at;
}

/** Returns whether a value is a `Uint8Array` of any realm: Jest's tests and frames have classes of their own. */
export function isUint8Array(value) {
  return ArrayBuffer.isView(value) && value[Symbol.toStringTag] === "Uint8Array";
}

/** Returns a `Uint8Array` of another realm as one of this realm, and every other value unchanged. */
export function ownBytes(value) {
  if (!isUint8Array(value) || value instanceof Uint8Array) return value;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/** Throws a TypeError for a request that is neither text nor an object with a reference. */
export function assertRequest(request) {
  if (typeof request === "string") return;
  if (typeof request !== "object" || request === null) {
    const kind = request === null ? "null" : typeof request;
    throw new TypeError(`\`request\` must be an image reference or an object, not ${kind}`);
  }
  if (typeof request.then === "function") throw new TypeError("`request` is a promise: `await` it first");
  if (!("reference" in request)) throw new TypeError("`request` has no `reference`: pass `{ reference }`");
}
