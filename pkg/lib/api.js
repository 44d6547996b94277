// The functions of the package: those of the module, with defaults for optional arguments.

import { ownBytes, timeInSeconds } from "./arguments.js";
import { compare } from "./compare.js";
import { documentText } from "./document_text.js";
import { Engine } from "./engine.js";
import { applyFix } from "./fix.js";
import { Policy } from "./policy.js";
import { templateOf } from "./template.js";
import { internalFinding, internalFindingsOfBoth, redactUserinfo, throwInternalError } from "./trap_answers.js";

/** Creates the functions over an `Engine` for `source`. */
export function api(source) {
  const engine = new Engine(source);
  return {
    ready: (source) => engine.ready(source),
    isReady: () => engine.isReady(),

    checkEntry: (text, list) =>
      engine.call(
        (instance) => instance.checkEntry(text, list),
        () => ({ text: redactUserinfo(text), findings: [internalFinding()] }),
      ),

    checkCertificates: (pem, at) => {
      const [bytes, seconds] = [ownBytes(pem), timeInSeconds(at)];
      return engine.call(
        (instance) => instance.checkCertificates(bytes, seconds),
        () => ({ certificates: [], findings: [internalFinding()] }),
      );
    },

    checkPolicy: (document, at) => {
      const [text, seconds] = [documentText(document, "document"), timeInSeconds(at)];
      return engine.call(
        (instance) => instance.checkPolicy(text, seconds),
        () => ({ findings: [internalFinding()] }),
      );
    },

    loadPolicy: (document, at) => {
      const [text, seconds] = [documentText(document, "document"), timeInSeconds(at)];
      return engine.call(
        (instance) => {
          const { ok, findings, policy } = instance.Policy.load(text, seconds);
          return ok ? { ok, findings, policy: new Policy(engine, text, seconds, instance, policy) } : { ok, findings };
        },
        () => ({ ok: false, findings: [internalFinding()] }),
      );
    },

    compare: (old, document, at) =>
      compare(engine, documentText(old, "old"), documentText(document, "document"), timeInSeconds(at)),

    narrow: (policy, remote, at) => {
      const texts = [documentText(policy, "policy"), documentText(remote, "remote")];
      const seconds = timeInSeconds(at);
      return engine.call((instance) => instance.narrow(...texts, seconds), internalFindingsOfBoth);
    },

    applyFix,
    templateOf,
    moduleDigest: () => engine.loaded().digest,
    version: () => engine.call((instance) => instance.version(), throwInternalError),
    rules: () => engine.call((instance) => instance.rules(), throwInternalError),
  };
}
