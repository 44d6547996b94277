// The types of `pullgate/schema`: Standard Schema v1 (https://standardschema.dev), an interface made to be copied.

import type { Finding, PolicyDocument, TextRange } from "./index.d.ts";

/** A validation issue: a finding of severity `error`. */
export interface ValidationIssue {
  /** The human-readable message. */
  readonly message: string;
  /** The path in a policy: member names, and indexes as numbers. Absent for a value without members. */
  readonly path?: readonly (string | number)[];
  /** The code of the finding; `"type-wrong"` for a value of another type, `"internal"` if the module failed. */
  readonly code: Finding["code"];
  /** The range of the text, if the value is text. */
  readonly range?: TextRange;
  /** The replacement for the range; absent if there is none. */
  readonly fix?: string;
}

/** A synchronous Standard Schema v1 validator that returns the value unchanged. */
export interface StandardValidator<Value> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: "pullgate";
    readonly validate: (
      value: unknown,
    ) => { readonly value: Value; readonly issues?: undefined } | { readonly issues: readonly ValidationIssue[] };
    readonly types?: { readonly input: Value; readonly output: Value };
  };
}

/** Validates an entry of the whitelist. */
export const whitelistEntry: StandardValidator<string>;

/** Validates an entry of the insecure list. */
export const insecureEntry: StandardValidator<string>;

/** Validates an entry of the built-in list. */
export const builtInEntry: StandardValidator<string>;

/** Validates an entry of the list of blocked registries. */
export const blockedEntry: StandardValidator<string>;

/** Validates PEM certificates, as a string or the bytes of a file, at the current time. */
export const certificates: StandardValidator<string | Uint8Array>;

/** Validates a policy as a plain object, at the current time. */
export const policy: StandardValidator<PolicyDocument>;

/**
 * Returns `policy` with the type of a form's values, whose fields are narrower than those of a document:
 * `policyOf<{ whitelist: { entry: string }[] }>()`.
 */
export function policyOf<Values extends PolicyDocument>(): StandardValidator<Values>;

/** Validates a policy as JSON text, at the current time. */
export const policyText: StandardValidator<string>;
