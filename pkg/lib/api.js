// The functions of the package: those of the module, with defaults for optional arguments.

import { compare } from "./compare.js";
import { documentText } from "./document_text.js";
import { Engine } from "./engine.js";
import { Policy } from "./policy.js";
import { internalFinding, internalFindingsOfBoth, redactUserinfo, throwInternalError } from "./trap_answers.js";

/** Creates the functions over an `Engine` for `source`. */
export function api(source) {
  const engine = new Engine(source);
  return {
    ready: (source) => engine.ready(source),

    checkEntry: (text, list) =>
      engine.call(
        (instance) => instance.checkEntry(text, list),
        () => ({ text: redactUserinfo(text), findings: [internalFinding()] }),
      ),

    checkCertificates: (pem, at = now()) =>
      engine.call(
        (instance) => instance.checkCertificates(pem, at),
        () => ({ certificates: [], findings: [internalFinding()] }),
      ),

    checkPolicy: (document, at = now()) => {
      const text = documentText(document);
      return engine.call(
        (instance) => instance.checkPolicy(text, at),
        () => ({ findings: [internalFinding()] }),
      );
    },

    loadPolicy: (document, at = now()) => {
      const text = documentText(document);
      return engine.call(
        (instance) => {
          const { ok, findings, policy } = instance.Policy.load(text, at);
          return ok ? { ok, findings, policy: new Policy(engine, text, at, instance, policy) } : { ok, findings };
        },
        () => ({ ok: false, findings: [internalFinding()] }),
      );
    },

    compare: (old, document, at = now()) => compare(engine, documentText(old), documentText(document), at),

    narrow: (policy, remote, at = now()) => {
      const texts = [documentText(policy), documentText(remote)];
      return engine.call((instance) => instance.narrow(...texts, at), internalFindingsOfBoth);
    },

    moduleDigest: () => engine.loaded().digest,
    version: () => engine.call((instance) => instance.version(), throwInternalError),
    rules: () => engine.call((instance) => instance.rules(), throwInternalError),
  };
}

function now() {
  return Math.floor(Date.now() / 1000);
}
