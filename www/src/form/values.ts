// The values of the form, in the shape of the form. form/document.ts converts them to a document and back.

/** A registry. With whitelist mode off, only insecure registries are shown, with a separate field for the port. */
export interface RegistryValues {
  /** The typed text, without a port that stands in `port`. */
  entry: string;
  port: string;
  insecure: boolean;
  /** Preserved from an opened document. */
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
  /** True if it applies only to `registries`. */
  limited: boolean;
  registries: LimitValues[];
}

export interface FormValues {
  whitelistMode: boolean;
  rows: RegistryValues[];
  authorities: AuthorityValues[];
  /** Members of an opened document without a field, in JSON, since some names would confuse the form library. */
  preserved: string;
}

export function blankRow(insecure: boolean): RegistryValues {
  return { entry: "", port: "", insecure };
}

export function blankValues(): FormValues {
  return { whitelistMode: true, rows: [blankRow(false)], authorities: [], preserved: "{}" };
}

/** Returns whether a row has no typed text and nothing preserved. Such a row is not part of the document. */
export function isBlank(row: RegistryValues | LimitValues): boolean {
  return row.entry === "" && !("port" in row && row.port) && row.enabled === undefined && row.comment === undefined;
}
