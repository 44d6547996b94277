// Client of the daemon that may serve the page. Its URLs are relative to that of the page.

import type { DnsAnswer, Explanation, PolicyDocument } from "pullgate";
import type { ProbeReport } from "./report";

export interface DaemonInfo {
  /** The SHA-256 of its module. */
  sha256: string;
  version: string;
  /** The frontends that refuse nothing: `docker`, `containerd`, `kubernetes`. */
  unenforced: string[];
  /** The policy in use. */
  current?: { generation: number; policy: PolicyDocument };
}

/** The body of a `v1/explain` request. */
export interface ExplainRequest {
  reference: string;
  kind: "image" | "registry";
  project?: string;
  dnsAnswers: DnsAnswer[];
  policy: PolicyDocument;
}

/** The body of a `v1/probe` request. */
export interface ProbeRequest {
  registry: string;
  project?: string;
  policy: PolicyDocument;
}

/** An error response of the daemon, with its message. */
export class DaemonError extends Error {}

/** Finds the daemon: `"locked"` if it requires authentication, `undefined` if another server serves the page. */
export async function findDaemon(): Promise<DaemonInfo | "locked" | undefined> {
  if (IS_STATIC) return undefined;
  const module = await get<Partial<DaemonInfo>>("v1/module");
  if (module === "locked") return "locked";
  if (typeof module?.sha256 !== "string") return undefined;
  const [current, settings] = await Promise.all([
    get<NonNullable<DaemonInfo["current"]>>("v1/policy"),
    get<{ enforcement?: Record<string, unknown> }>("v1/daemon"),
  ]);
  const known = current !== "locked" && typeof current?.policy === "object" && current.policy !== null;
  const enforcement = settings === "locked" ? {} : (settings?.enforcement ?? {});
  return {
    sha256: module.sha256,
    version: String(module.version ?? ""),
    unenforced: Object.keys(enforcement).filter((frontend) => enforcement[frontend] === "audit"),
    ...(known && { current }),
  };
}

/** Requests an explanation from the daemon, which resolves DNS queries. */
export async function explainOnDaemon(request: ExplainRequest, signal: AbortSignal): Promise<Explanation> {
  const answer = await post<Explanation>("v1/explain", request, signal);
  if (typeof answer.decision !== "string") throw new Error("the answer is no decision");
  return { ...answer, steps: answer.steps ?? [] };
}

/** Requests a connection test of a registry. */
export async function probe(request: ProbeRequest, signal: AbortSignal): Promise<ProbeReport> {
  const report = await post<ProbeReport>("v1/probe", request, signal);
  if (typeof report.summary !== "string" || !Array.isArray(report.attempts)) throw new Error("the answer is no report");
  return report;
}

async function get<T>(path: string): Promise<T | "locked" | undefined> {
  try {
    const response = await fetch(path, { headers: { accept: "application/json" } });
    if (response.status === 401) return "locked";
    if (!response.ok || !isJson(response)) return undefined;
    return (await response.json()) as T;
  } catch {
    return undefined;
  }
}

async function post<T>(path: string, body: object, signal: AbortSignal): Promise<T> {
  const headers = { "content-type": "application/json", accept: "application/json" };
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal });
  if (!isJson(response)) throw new Error(`status ${response.status}`);
  const answer: unknown = await response.json();
  if (response.ok) return answer as T;
  const { message } = answer as { message?: unknown };
  throw typeof message === "string" ? new DaemonError(message) : new Error(`status ${response.status}`);
}

function isJson(response: Response): boolean {
  return /^application\/(?:\w+\+)?json\b/.test(response.headers.get("content-type") ?? "");
}
