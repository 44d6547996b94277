// The values of the form, in the shape of the form. They are immutable, so that each version can be returned to.
// form/document.ts converts them to a document and back.

/** An element of a list. Insecure registries with whitelist mode off have a separate field for the port. */
export interface RegistryValues {
  /** The identity of the row, for as long as the page is open. */
  id: number;
  /** The typed text, without a port that stands in `port`. */
  entry: string;
  port: string;
  insecure: boolean;
  enabled?: boolean;
  comment?: string;
}

export interface AuthorityValues {
  id: number;
  pem: string;
  /** True if it applies only to `registries`. */
  limited: boolean;
  registries: readonly RegistryValues[];
}

/** The lists for all requests, or those of one project. */
export interface ScopeValues {
  whitelistMode: boolean;
  /** The whitelist and the insecure list. */
  rows: readonly RegistryValues[];
  blocked: readonly RegistryValues[];
  authorities: readonly AuthorityValues[];
}

export interface ProjectValues extends ScopeValues {
  id: number;
  name: string;
}

export interface FormValues extends ScopeValues {
  builtIn: readonly RegistryValues[];
  projects: readonly ProjectValues[];
  /** Absent if the document does not say it, as the next. */
  matchResolvedAddresses?: boolean;
  unlistedProjects?: "deny" | "global";
  /** Members of an opened document without a field, in JSON. */
  preserved: string;
}

let lastId = 0;

/** Returns the identity of a new row, authority or project. */
export function newId(): number {
  lastId += 1;
  return lastId;
}

export function blankRow(insecure = false): RegistryValues {
  return { id: newId(), entry: "", port: "", insecure };
}

export function blankValues(): FormValues {
  return {
    whitelistMode: true,
    rows: [blankRow()],
    blocked: [],
    authorities: [],
    builtIn: [],
    projects: [],
    preserved: "{}",
  };
}

/** Returns whether a row has no typed text and nothing else to preserve. Such a row is not part of the document. */
export function isBlank(row: RegistryValues): boolean {
  return row.entry === "" && row.port === "" && row.enabled === undefined && row.comment === undefined;
}
