// A policy, ready to decide.

import { compare } from "./compare.js";
import { internalDecision, internalError, internalExplanation } from "./trap_answers.js";
import { textOf } from "./document_text.js";

// Frees policies that nobody disposed of. Some runtimes do not have it, and there they stay until the instance goes.
const abandoned =
  typeof FinalizationRegistry === "undefined" ? undefined : /* @__PURE__ */ new FinalizationRegistry(free);

export class Policy {
  #text;
  #at;
  // The policy in the instance that it was loaded into. After a trap it is loaded again, when it is next asked.
  #held;

  constructor(engine, text, at, instance, policy) {
    this.#text = text;
    this.#at = at;
    this.#held = { engine, instance, policy };
    abandoned?.register(this, this.#held, this.#held);
  }

  decide(request) {
    return this.#ask((policy) => policy.decide(request), () => internalDecision(request));
  }

  decideMany(requests) {
    return this.#ask((policy) => policy.decideMany(requests), () => Array.from(requests, internalDecision));
  }

  explain(request) {
    return this.#ask((policy) => policy.explain(request), () => internalExplanation(request));
  }

  compare(document) {
    if (this.#text === undefined) throw new Error("this policy was disposed of");
    return compare(this.#held.engine, this.#text, textOf(document), this.#at);
  }

  authorities() {
    return this.#ask((policy) => policy.authorities(), internalError);
  }

  dispose() {
    if (this.#text === undefined) return;
    this.#text = undefined;
    abandoned?.unregister(this.#held);
    free(this.#held);
  }

  static {
    // Not every browser has it.
    if (Symbol.dispose) this.prototype[Symbol.dispose] = this.prototype.dispose;
  }

  #ask(call, otherwise) {
    if (this.#text === undefined) throw new Error("this policy was disposed of");
    return this.#held.engine.ask((instance) => {
      if (this.#held.instance !== instance) {
        this.#held.policy = instance.Policy.load(this.#text, this.#at).policy;
        this.#held.instance = instance;
      }
      return call(this.#held.policy);
    }, otherwise);
  }
}

// What an instance that trapped holds goes with it.
function free({ engine, instance, policy }) {
  if (engine.runs(instance)) engine.ask(() => policy.free(), () => {});
}
