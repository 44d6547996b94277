// A policy, ready to decide.

import { compare } from "./compare.js";
import { documentText } from "./document_text.js";
import { internalDecision, internalExplanation, throwInternalError } from "./trap_answers.js";

// Frees policies that nobody disposed of. Some runtimes do not have it, and there they stay until the instance goes.
const finalizers =
  typeof FinalizationRegistry === "undefined" ? undefined : /* @__PURE__ */ new FinalizationRegistry(free);

export class Policy {
  #text;
  #at;
  // The policy in the instance that it was loaded into. After a trap it is loaded again, when it is next asked.
  #loaded;

  constructor(engine, text, at, instance, policy) {
    this.#text = text;
    this.#at = at;
    this.#loaded = { engine, instance, policy };
    finalizers?.register(this, this.#loaded, this.#loaded);
  }

  decide(request) {
    return this.#call((policy) => policy.decide(request), () => internalDecision(request));
  }

  decideMany(requests) {
    return this.#call((policy) => policy.decideMany(requests), () => Array.from(requests, internalDecision));
  }

  explain(request) {
    return this.#call((policy) => policy.explain(request), () => internalExplanation(request));
  }

  compare(document) {
    if (this.#text === undefined) throw new Error("this policy was disposed of");
    return compare(this.#loaded.engine, this.#text, documentText(document), this.#at);
  }

  authorities() {
    return this.#call((policy) => policy.authorities(), throwInternalError);
  }

  dispose() {
    if (this.#text === undefined) return;
    this.#text = undefined;
    finalizers?.unregister(this.#loaded);
    free(this.#loaded);
  }

  static {
    // Not every browser has it.
    if (Symbol.dispose) this.prototype[Symbol.dispose] = this.prototype.dispose;
  }

  #call(operation, onTrap) {
    if (this.#text === undefined) throw new Error("this policy was disposed of");
    return this.#loaded.engine.call((instance) => {
      if (this.#loaded.instance !== instance) {
        this.#loaded.policy = instance.Policy.load(this.#text, this.#at).policy;
        this.#loaded.instance = instance;
      }
      return operation(this.#loaded.policy);
    }, onTrap);
  }
}

// What an instance that trapped holds goes with it.
function free({ engine, instance, policy }) {
  if (engine.isCurrent(instance)) engine.call(() => policy.free(), () => {});
}
