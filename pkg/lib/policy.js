// A loaded policy.

import { assertRequest } from "./arguments.js";
import { compare } from "./compare.js";
import { documentText } from "./document_text.js";
import { internalDecision, internalExplanation, throwInternalError } from "./trap_answers.js";

// Frees undisposed policies. In runtimes without FinalizationRegistry they live as long as the instance.
const finalizers =
  typeof FinalizationRegistry === "undefined" ? undefined : /* @__PURE__ */ new FinalizationRegistry(free);

export class Policy {
  #text;
  #at;
  // The policy and the instance that holds it. After a trap the next call loads it into the new instance.
  #loaded;

  constructor(engine, text, at, instance, policy) {
    this.#text = text;
    this.#at = at;
    this.#loaded = { engine, instance, policy };
    finalizers?.register(this, this.#loaded, this.#loaded);
    // Some browsers lack `Symbol.dispose`.
    if (Symbol.dispose) this[Symbol.dispose] = this.dispose;
  }

  // Functions of the object, so that they work by themselves too: `const { decide } = policy`.

  decide = (request) => {
    assertRequest(request);
    return this.#call((policy) => policy.decide(request), () => internalDecision(request));
  };

  decideMany = (requests) => {
    if (Array.isArray(requests)) requests.forEach(assertRequest);
    return this.#call((policy) => policy.decideMany(requests), () => Array.from(requests, internalDecision));
  };

  explain = (request) => {
    assertRequest(request);
    return this.#call((policy) => policy.explain(request), () => internalExplanation(request));
  };

  compare = (document) => {
    if (this.#text === undefined) throw new Error("this policy was disposed of");
    return compare(this.#loaded.engine, this.#text, documentText(document, "document"), this.#at);
  };

  authorities = () => this.#call((policy) => policy.authorities(), throwInternalError);

  dispose = () => {
    if (this.#text === undefined) return;
    this.#text = undefined;
    finalizers?.unregister(this.#loaded);
    free(this.#loaded);
  };

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

// Policies of a trapped instance are freed with the instance.
function free({ engine, instance, policy }) {
  if (engine.isCurrent(instance)) engine.call(() => policy.free(), () => {});
}
