// What is answered when the module trapped. Whoever looks only for errors, or only for "allow", takes it for a refusal.

const TEXT = "the module stopped unexpectedly, which is a fault of pullgate and not of the input";

/** The finding: it could not be checked. */
export function internalFinding() {
  return { code: "internal", severity: "error", message: `this could not be checked: ${TEXT}` };
}

/** The decision. */
export function internalDecision(request) {
  const reference = String(typeof request === "string" ? request : request?.reference);
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
