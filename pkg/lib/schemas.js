// Standard Schema v1 validators (https://standardschema.dev) over the functions of the package.

import { isUint8Array } from "./arguments.js";
import { NotJsonError } from "./document_text.js";

/** Creates the validators over the functions of one entry point. */
export function schemas({ checkEntry, checkCertificates, checkPolicy }) {
  const entry = (list) =>
    schema((value) =>
      typeof value === "string" ? issues(checkEntry(value, list).findings) : [typeIssue("an entry must be a string")],
    );
  const policy = schema((value) => {
    if (typeof value !== "object" || value === null) return [typeIssue("a policy must be an object")];
    try {
      // Ranges refer to the serialized text, which a form does not have.
      return policyIssues(checkPolicy(value), value).map(({ range, ...issue }) => issue);
    } catch (error) {
      if (error instanceof NotJsonError) return [typeIssue(error.message, error.path)];
      throw error;
    }
  });
  return {
    whitelistEntry: entry("whitelist"),
    insecureEntry: entry("insecure"),
    builtInEntry: entry("built-in"),
    blockedEntry: entry("blocked"),

    certificates: schema((value) => {
      if (typeof value !== "string" && !isUint8Array(value)) {
        return [typeIssue("certificates must be a string or a Uint8Array")];
      }
      const { certificates, findings } = checkCertificates(value);
      return issues([...certificates.flatMap((certificate) => certificate.findings), ...findings]);
    }),

    policy,
    // The same at run time: its type is that of the form's values.
    policyOf: () => policy,

    policyText: schema((value) =>
      typeof value === "string"
        ? policyIssues(checkPolicy(value), parseOrUndefined(value))
        : [typeIssue("a policy must be JSON text")],
    ),
  };
}

// The value passes unchanged: a form keeps the typed text.
function schema(issuesOf) {
  const validate = (value) => {
    const issues = issuesOf(value);
    return issues.length === 0 ? { value } : { issues };
  };
  return { "~standard": { version: 1, vendor: "pullgate", validate } };
}

function typeIssue(message, path) {
  return { code: "type-wrong", message, ...(path?.length && { path }) };
}

// A policy that loads is valid: an expired certificate is an error of a check, and keeps nothing from loading (rule P3).
function policyIssues({ canonical, findings }, document) {
  return canonical === undefined ? issues(findings, document) : [];
}

// Only errors become issues: warnings and notes do not block submission.
function issues(findings, document) {
  return findings
    .filter(({ severity }) => severity === "error")
    .map(({ severity, path, ...finding }) => ({ ...finding, ...(path && { path: pointerSegments(path, document) }) }));
}

// Converts a JSON Pointer (RFC 6901) to a path of member names, with array indexes as numbers.
function pointerSegments(pointer, document) {
  let value = document;
  return pointer.slice(1).split("/").map((part) => {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    const key = Array.isArray(value) ? Number(name) : name;
    value = value?.[key];
    return key;
  });
}

function parseOrUndefined(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
