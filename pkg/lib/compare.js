// What a change to a policy does.

import { internalFindingsOfBoth } from "./trap_answers.js";

/** Compares two documents, given as text. */
export function compare(engine, old, document, at) {
  return engine.call((instance) => instance.compare(old, document, at), internalFindingsOfBoth);
}
