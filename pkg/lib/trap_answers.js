// What is answered when the module trapped. Whoever looks only for errors, or only for "allow", takes it for a refusal.

const TEXT = "the module stopped unexpectedly, which is a fault of pullgate and not of the input";

/** The finding: it could not be checked. */
export function internalFinding() {
  return { code: "internal", severity: "error", message: `this could not be checked: ${TEXT}` };
}

/** The decision. */
export function internalDecision(request) {
  const reference = masked(String(typeof request === "string" ? request : request?.reference));
  return { reference, decision: "deny", reason: "internal", text: TEXT };
}

/** The decision, with its reasoning. */
export function internalExplanation(request) {
  return { ...internalDecision(request), steps: [{ topic: "outcome", text: `denied: ${TEXT}` }] };
}

/** Of two documents that were to be read together: neither was. */
export function internalReading() {
  return { ok: false, first: [internalFinding()], second: [internalFinding()] };
}

/** For what is no answer about an input: there is nothing safe to give. */
export function internalError(cause) {
  throw new Error(`pullgate: ${TEXT}`, { cause });
}

/**
 * A text with its user information masked (rule E11): from the host's place to the last `@`, character by character, so that
 * offsets stay what they were in UTF-8 and in UTF-16. At least what the module masks is.
 */
export function masked(text) {
  const end = text.lastIndexOf("@");
  if (end < 0 || BY_DIGEST.test(text)) return text;
  const start = BEFORE_HOST.exec(text.slice(0, end))[0].length;
  return text.slice(0, start) + Array.from(text.slice(start, end), mask).join("") + text.slice(end);
}

// A registry, a repository and a digest, where no password can stand.
const BY_DIGEST = /^[^@:/]*(?::[0-9]*)?\/(?!\/)[^@]*@sha(?:256|384|512):[0-9A-Fa-f]{32,}$/;

// A scheme, or blanks.
const BEFORE_HOST = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/|\p{White_Space}*)/u;

// One that is as long, in both encodings.
function mask(character) {
  const code = character.codePointAt(0);
  return code < 0x80 ? "*" : code < 0x800 ? "\u{b7}" : code < 0x10000 ? "\u{2022}" : "\u{1f784}";
}
