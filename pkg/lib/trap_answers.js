// What is answered when the module trapped. Whoever looks only for errors, or only for "allow", takes it for a refusal.

const TRAP_MESSAGE = "the module stopped unexpectedly, which is a fault of pullgate and not of the input";

/** The finding: it could not be checked. */
export function internalFinding() {
  return { code: "internal", severity: "error", message: `this could not be checked: ${TRAP_MESSAGE}` };
}

/** The decision. */
export function internalDecision(request) {
  const reference = redactUserinfo(String(typeof request === "string" ? request : request?.reference));
  return { reference, decision: "deny", reason: "internal", text: TRAP_MESSAGE };
}

/** The decision, with its reasoning. */
export function internalExplanation(request) {
  return { ...internalDecision(request), steps: [{ topic: "outcome", text: `denied: ${TRAP_MESSAGE}` }] };
}

/** Of two documents that were to be read together: neither was. */
export function internalFindingsOfBoth() {
  return { ok: false, first: [internalFinding()], second: [internalFinding()] };
}

/** For what is no answer about an input: there is nothing safe to give. */
export function throwInternalError(cause) {
  throw new Error(`pullgate: ${TRAP_MESSAGE}`, { cause });
}

/**
 * A text with its user information masked (rule E11): from the host's place to the last `@`, character by character, so that
 * offsets stay what they were in UTF-8 and in UTF-16. At least what the module masks is.
 */
export function redactUserinfo(text) {
  const end = text.lastIndexOf("@");
  if (end < 0 || REFERENCE_BY_DIGEST.test(text)) return text;
  const start = HOST_PREFIX.exec(text.slice(0, end))[0].length;
  return text.slice(0, start) + Array.from(text.slice(start, end), maskCharacter).join("") + text.slice(end);
}

// A registry, a repository and a digest, where no password can stand.
const REFERENCE_BY_DIGEST = /^[^@:/]*(?::[0-9]*)?\/(?!\/)[^@]*@sha(?:256|384|512):[0-9A-Fa-f]{32,}$/;

// A scheme, or blanks.
const HOST_PREFIX = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/|\p{White_Space}*)/u;

// One that is as long, in both encodings.
function maskCharacter(character) {
  const code = character.codePointAt(0);
  return code < 0x80 ? "*" : code < 0x800 ? "\u{b7}" : code < 0x10000 ? "\u{2022}" : "\u{1f784}";
}
