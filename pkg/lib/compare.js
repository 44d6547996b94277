// Comparison of two policy documents.

import { internalFindingsOfBoth } from "./trap_answers.js";

/** Compares two documents in JSON. */
export function compare(engine, old, document, at) {
  return engine.call((instance) => instance.compare(old, document, at), internalFindingsOfBoth);
}
