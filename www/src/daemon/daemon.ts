// Client of the daemon that may serve the page. Its URLs are relative to that of the page.

import type { DnsAnswer, Explanation, PolicyDocument } from "pullgate";
import type { ProbeReport } from "./report";

export interface DaemonInfo {
  /** The SHA-256 of its module. */
  sha256: string;
  version: string;
  /** The frontends that are served: `docker`, `kubernetes`, `containerd`, `gate`. */
  frontends: string[];
  /** The enforcement of each frontend: `deny`, or `audit`, which refuses nothing. */
  enforcement: Record<string, unknown>;
  /** False if it takes no policy over its API. */
  allowPolicyUpdates: boolean;
}

/** The policy in use. */
export interface CurrentPolicy {
  generation: number;
  /** Its identity, for `If-None-Match` and `If-Match`. */
  etag: string;
  policy: PolicyDocument;
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

/** An error response of the daemon, with its stable code and its message. */
export class DaemonError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const READ_TIMEOUT_MS = 10_000;

// In memory only, so that it ends with the page.
let bearerToken: string | undefined;

/** Sets the token for all further requests. */
export function setBearerToken(token: string | undefined): void {
  bearerToken = token;
}

export function hasBearerToken(): boolean {
  return bearerToken !== undefined;
}

/** Finds the daemon: `"locked"` if it requires authentication, `undefined` if another server serves the page. */
export async function findDaemon(): Promise<DaemonInfo | "locked" | undefined> {
  if (IS_STATIC) return undefined;
  const module = await get<Partial<DaemonInfo>>("v1/module");
  if (module === "locked") return "locked";
  if (typeof module?.sha256 !== "string") return undefined;
  const answer = await get<Partial<DaemonInfo>>("v1/daemon");
  const { frontends = [], enforcement = {}, allowPolicyUpdates = true } = answer === "locked" ? {} : (answer ?? {});
  const { sha256, version = "" } = module;
  return { sha256, version: String(version), frontends, enforcement, allowPolicyUpdates };
}

/** Returns the frontends that refuse nothing. */
export function unenforcedFrontends({ enforcement }: DaemonInfo): string[] {
  return Object.keys(enforcement).filter((frontend) => enforcement[frontend] === "audit");
}

/**
 * Reads the policy in use: the known one if it is that, `"locked"` without authentication, and `undefined` if the daemon
 * does not answer, or has no policy to show.
 */
export async function readPolicy(known: CurrentPolicy | undefined): Promise<CurrentPolicy | "locked" | undefined> {
  try {
    const response = await request("v1/policy", {
      ...(known?.etag && { headers: { "if-none-match": known.etag } }),
      signal: AbortSignal.timeout(READ_TIMEOUT_MS),
    });
    if (response.status === 401) return "locked";
    // The same policy may be in use again, as another generation.
    const generation = Number(response.headers.get("pullgate-generation"));
    if (response.status === 304 && known) return generation > 0 ? { ...known, generation } : known;
    return response.ok && isJson(response) ? await currentPolicy(response) : undefined;
  } catch {
    return undefined;
  }
}

/** Puts a policy into effect in place of the one of an `ETag`. Throws a `DaemonError` if the daemon refuses it. */
export async function putPolicy(policy: string, etag: string): Promise<CurrentPolicy> {
  const headers = { "content-type": "application/json", "if-match": etag };
  const response = await request("v1/policy", { method: "PUT", headers, body: policy });
  if (!response.ok) throw await errorOf(response);
  const current = await currentPolicy(response);
  if (current === undefined) throw new Error("the answer is no policy");
  return current;
}

async function currentPolicy(response: Response): Promise<CurrentPolicy | undefined> {
  const { generation, policy } = (await response.json()) as Partial<CurrentPolicy>;
  if (typeof policy !== "object" || policy === null) return undefined;
  return { generation: Number(generation), etag: response.headers.get("etag") ?? "", policy };
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

/** Reads a JSON response: `"locked"` without authentication, and `undefined` without an answer in JSON. */
export async function get<T>(path: string): Promise<T | "locked" | undefined> {
  try {
    const response = await request(path, { signal: AbortSignal.timeout(READ_TIMEOUT_MS) });
    if (response.status === 401) return "locked";
    if (!response.ok || !isJson(response)) return undefined;
    return (await response.json()) as T;
  } catch {
    return undefined;
  }
}

/** Sends JSON, and returns the response in JSON. Throws a `DaemonError` if the daemon refuses the request. */
export async function post<T>(path: string, body: object, signal: AbortSignal): Promise<T> {
  const headers = { "content-type": "application/json" };
  const response = await request(path, { method: "POST", headers, body: JSON.stringify(body), signal });
  if (!response.ok) throw await errorOf(response);
  if (!isJson(response)) throw new Error(`status ${response.status}`);
  return (await response.json()) as T;
}

function request(path: string, { headers, ...options }: RequestInit & { headers?: Record<string, string> }) {
  const authorization = bearerToken === undefined ? {} : { authorization: `Bearer ${bearerToken}` };
  return fetch(path, { ...options, headers: { accept: "application/json", ...authorization, ...headers } });
}

async function errorOf(response: Response): Promise<Error> {
  const answer: unknown = isJson(response) ? await response.json().catch(() => undefined) : undefined;
  const { code, message } = (answer ?? {}) as { code?: unknown; message?: unknown };
  const { status } = response;
  return typeof message === "string" ? new DaemonError(status, String(code), message) : new Error(`status ${status}`);
}

function isJson(response: Response): boolean {
  return /^application\/(?:\w+\+)?json\b/.test(response.headers.get("content-type") ?? "");
}
