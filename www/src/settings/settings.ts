// The settings of container runtimes, which the daemon writes for a policy, and reads as one.

import type { PolicyDocument } from "pullgate";
import { post } from "../daemon/daemon";

/** The programs that settings are written for, in the order of their tabs. */
export const TARGETS = [
  "docker",
  "containerd",
  "containers",
  "k3s",
  "openshift",
  "kubernetes",
  "vic-machine",
  "vch",
] as const;

export type Target = (typeof TARGETS)[number];

/** The targets with settings that lead through the gate. */
export const GATE_TARGETS: ReadonlySet<Target> = new Set(["docker", "containerd", "containers", "k3s"]);

/** The relation of what a target does to what the policy says. */
export type Fidelity = "equal" | "narrower" | "wider" | "by-pullgate";

/** A file, by its path on the host or below the folder that was given. */
export interface SettingsFile {
  path: string;
  text: string;
}

/** The body of a `v1/export` request. */
export interface ExportRequest {
  target: Target;
  policy: PolicyDocument;
  project?: string;
  allowWider?: boolean;
  /** The address of the gate that the settings lead through. */
  gate?: string;
  /** The files that are there already, whose other members stay. */
  files?: SettingsFile[];
}

export interface ExportResponse {
  fidelity: Fidelity;
  files: ExportedFile[];
  entries: ExportedEntry[];
  notes: string[];
  /** A command line that says the same as the files. */
  commandLine?: string;
}

/** A file with a text, or a symbolic link. */
export interface ExportedFile {
  path: string;
  text?: string;
  link?: string;
  /** True if the file was there, and its other members were kept. */
  merged: boolean;
}

/** An entry of the policy in the target. */
export interface ExportedEntry {
  list: "whitelist" | "insecure" | "blocked" | "certificate_authorities";
  /** The entry in canonical form; of an authority its index. */
  entry: string;
  fidelity: Fidelity;
  reason?: string;
}

/** The body of a `v1/import` request. Without a source it is told by the content. */
export interface ImportRequest {
  source?: ImportSource;
  files: SettingsFile[];
}

export type ImportSource = Target | "list" | "docker-desktop";

export interface ImportResponse {
  source: ImportSource;
  /** The policy in TOML, with the origin of each line as a comment. */
  toml: string;
  policy: PolicyDocument;
  findings: ImportFinding[];
}

export interface ImportFinding {
  code: string;
  /** `error`: a part of the source is not in the policy. */
  severity: "error" | "warning" | "info";
  /** The file, with a line unless the whole file is meant. */
  origin: { file: string; line?: number };
  message: string;
}

/** Has the daemon write the settings of a target. */
export async function exportSettings(request: ExportRequest, signal: AbortSignal): Promise<ExportResponse> {
  const response = await post<ExportResponse>("v1/export", request, signal);
  if (!Array.isArray(response.files) || !Array.isArray(response.entries)) throw new Error("the answer is no export");
  return response;
}

/** Has the daemon read settings as a policy. */
export async function importSettings(request: ImportRequest, signal: AbortSignal): Promise<ImportResponse> {
  const response = await post<ImportResponse>("v1/import", request, signal);
  const isImport = typeof response.policy === "object" && Array.isArray(response.findings);
  if (!isImport) throw new Error("the answer is no import");
  return response;
}
