// Answers in place of a trapped module. Callers that look only for errors, or only for "allow", read them as a denial.

const TRAP_MESSAGE = "the module stopped unexpectedly, which is a fault of pullgate and not of the input";

/** Returns the finding that the input could not be checked. */
export function internalFinding() {
  return { code: "internal", severity: "error", message: `this could not be checked: ${TRAP_MESSAGE}` };
}

/** Returns the denial in place of a decision. */
export function internalDecision(request) {
  const reference = redactUserinfo(String(typeof request === "string" ? request : request?.reference));
  return { reference, decision: "deny", reason: "internal", text: TRAP_MESSAGE };
}

/** Returns the denial in place of an explanation. */
export function internalExplanation(request) {
  return { ...internalDecision(request), steps: [{ kind: "outcome", text: `denied: ${TRAP_MESSAGE}` }] };
}

/** Returns the findings of two documents, neither of which could be checked. */
export function internalFindingsOfBoth() {
  return { ok: false, first: [internalFinding()], second: [internalFinding()] };
}

/** Throws, for functions without input: they have no safe answer. */
export function throwInternalError(cause) {
  throw new Error(`pullgate: ${TRAP_MESSAGE}`, { cause });
}

/**
 * Redacts the userinfo (RFC 3986, section 3.2.1; rule E11): every character between the scheme and the last `@` or `%40`,
 * and a query or fragment, with offsets unchanged in UTF-8 and UTF-16. Redacts at least as much as the module does.
 */
export function redactUserinfo(text) {
  const at = REFERENCE_BY_DIGEST.test(text) ? -1 : text.lastIndexOf("@");
  const end = Math.max(at, text.lastIndexOf("%40"));
  const start = end < 0 ? 0 : HOST_PREFIX.exec(text.slice(0, end))[0].length;
  const from = Math.max(end, 0);
  const query = text.slice(from).search(/[?#]/);
  const rest = query < 0 ? text.length : from + query + 1;
  return text.slice(0, start) + mask(text.slice(start, from)) + text.slice(from, rest) + mask(text.slice(rest));
}

function mask(text) {
  return Array.from(text, maskCharacter).join("");
}

// A registry, a repository and a digest, with no room for a password.
const REFERENCE_BY_DIGEST = /^[^@:/]*(?::[0-9]*)?\/(?!\/)[^@]*@sha(?:256|384|512):[0-9A-Fa-f]{32,}$/;

// A scheme, or white space.
const HOST_PREFIX = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/|\p{White_Space}*)/u;

// Returns a mask of the same length in both encodings.
function maskCharacter(character) {
  const code = character.codePointAt(0);
  return code < 0x80 ? "*" : code < 0x800 ? "\u{b7}" : code < 0x10000 ? "\u{2022}" : "\u{1f784}";
}
