// The types of `pullgate/schema`: Standard Schema v1 (https://standardschema.dev), whose interface is meant to be copied.

import type { Finding, PolicyDocument, TextRange } from "./index.d.ts";

/** What is wrong with a value: a finding that is an error. */
export interface Issue {
  /** What is wrong, for a person. */
  readonly message: string;
  /** Where in a policy: names of members, and indexes as numbers. Absent for a value that is checked as a whole. */
  readonly path?: readonly (string | number)[];
  /** The code of the finding; `"type-wrong"` for a value of another type, `"internal"` for what could not be checked. */
  readonly code: Finding["code"];
  /** Where in the text, if the value is text. */
  readonly range?: TextRange;
  /** What to write in place of the range; absent where nothing can be proposed. */
  readonly fix?: string;
}

/** A Standard Schema v1 validator that answers at once and passes the value on as it is. */
export interface Schema<Value> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: "pullgate";
    readonly validate: (
      value: unknown,
    ) => { readonly value: Value; readonly issues?: undefined } | { readonly issues: readonly Issue[] };
    readonly types?: { readonly input: Value; readonly output: Value };
  };
}

/** An entry of the whitelist. */
export const whitelistEntry: Schema<string>;

/** An entry of the insecure list. */
export const insecureEntry: Schema<string>;

/** An entry of the built-in list. */
export const builtInEntry: Schema<string>;

/** Certificates in PEM, as a string or a file's bytes, as of now. */
export const certificates: Schema<string | Uint8Array>;

/** A whole policy as an object, as of now. */
export const policy: Schema<PolicyDocument>;

/** A whole policy as JSON text, as of now. */
export const policyText: Schema<string>;
