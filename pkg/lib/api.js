// The functions of the package over an engine: those of the module, with what a form leaves out filled in.

import { compare } from "./compare.js";
import { Engine } from "./engine.js";
import { internalError, internalFinding, internalReading, masked } from "./trap_answers.js";
import { Policy } from "./policy.js";
import { textOf } from "./document_text.js";

/** The functions, for a module that comes from `source` (lib/engine.js). */
export function api(source) {
  const engine = new Engine(source);
  return {
    ready: (source) => engine.ready(source),

    checkEntry: (text, list) =>
      engine.ask(
        (instance) => instance.checkEntry(text, list),
        () => ({ text: masked(text), findings: [internalFinding()] }),
      ),

    checkCertificates: (pem, at = now()) =>
      engine.ask(
        (instance) => instance.checkCertificates(pem, at),
        () => ({ certificates: [], findings: [internalFinding()] }),
      ),

    checkPolicy: (document, at = now()) => {
      const text = textOf(document);
      return engine.ask(
        (instance) => instance.checkPolicy(text, at),
        () => ({ findings: [internalFinding()] }),
      );
    },

    loadPolicy: (document, at = now()) => {
      const text = textOf(document);
      return engine.ask(
        (instance) => {
          const { ok, findings, policy } = instance.Policy.load(text, at);
          return ok ? { ok, findings, policy: new Policy(engine, text, at, instance, policy) } : { ok, findings };
        },
        () => ({ ok: false, findings: [internalFinding()] }),
      );
    },

    compare: (old, document, at = now()) => compare(engine, textOf(old), textOf(document), at),

    narrow: (policy, remote, at = now()) => {
      const texts = [textOf(policy), textOf(remote)];
      return engine.ask((instance) => instance.narrow(...texts, at), internalReading);
    },

    moduleDigest: () => engine.loaded().digest,
    version: () => engine.ask((instance) => instance.version(), internalError),
    rules: () => engine.ask((instance) => instance.rules(), internalError),
  };
}

function now() {
  return Math.floor(Date.now() / 1000);
}
