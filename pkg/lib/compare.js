// What a change to a policy does.

import { internalReading } from "./trap_answers.js";

/** Compares two documents, given as text. */
export function compare(engine, old, document, at) {
  return engine.ask((instance) => instance.compare(old, document, at), internalReading);
}
