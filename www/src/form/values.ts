// What the form holds. It is shaped like the form, not like the document: form/document.ts turns one into the other.

/** A registry. With whitelist mode off, only the insecure ones are shown, with their port in a field of its own. */
export interface RegistryValues {
  /** What was typed; without its port, if that stands in `port`. */
  entry: string;
  port: string;
  insecure: boolean;
  /** From a document that was opened, and kept. */
  enabled?: boolean;
  comment?: string;
}

/** A registry that a certificate authority is limited to. */
export interface LimitValues {
  entry: string;
  enabled?: boolean;
  comment?: string;
}

export interface AuthorityValues {
  pem: string;
  /** Whether it counts only for `registries`. */
  limited: boolean;
  registries: LimitValues[];
}

export interface FormValues {
  whitelistMode: boolean;
  rows: RegistryValues[];
  authorities: AuthorityValues[];
  /** Members of an opened document that the form does not show, as JSON: a form library would trip over some names in it. */
  preserved: string;
}

export function blankRow(insecure: boolean): RegistryValues {
  return { entry: "", port: "", insecure };
}

export function blankValues(): FormValues {
  return { whitelistMode: true, rows: [blankRow(false)], authorities: [], preserved: "{}" };
}

/** Whether nothing was typed here, and nothing is kept here: such a row is not part of the document. */
export function isBlank(row: RegistryValues | LimitValues): boolean {
  return row.entry === "" && !("port" in row && row.port) && row.enabled === undefined && row.comment === undefined;
}
