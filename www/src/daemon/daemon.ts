// The daemon that serves the page, if one does. Its addresses are relative to the page's.

import type { Explanation, PolicyDocument } from "pullgate";

export interface Daemon {
  /** Of the module that it runs. */
  sha256: string;
  version: string;
  /** What it decides by. */
  current?: { generation: number; policy: PolicyDocument };
}

/** What came of trying to reach a registry. Whatever is missing is not shown. */
export interface ProbeReport {
  registry?: string;
  summary?: string;
  attempts?: {
    scheme?: string;
    port?: number;
    address?: string;
    stages?: { stage?: string; ok?: boolean; detail?: string }[];
  }[];
}

/** Finds the daemon; `undefined` where something else serves the page. */
export async function findDaemon(): Promise<Daemon | undefined> {
  const module = await get<Partial<Daemon>>("v1/module");
  if (typeof module?.sha256 !== "string") return undefined;
  const current = await get<NonNullable<Daemon["current"]>>("v1/policy");
  const known = typeof current?.policy === "object" && current.policy !== null;
  return { sha256: module.sha256, version: String(module.version ?? ""), ...(known && { current }) };
}

/** Asks the daemon, which asks the DNS. */
export async function explainThere(
  question: { reference: string; project?: string; policy: PolicyDocument },
  signal: AbortSignal,
): Promise<Explanation> {
  const answer = await post<Explanation>("v1/explain", question, signal);
  if (typeof answer.decision !== "string") throw new Error("the answer is no decision");
  return { ...answer, steps: answer.steps ?? [] };
}

/** Lets the daemon try to reach a registry. */
export function probe(registry: string, policy: PolicyDocument, signal: AbortSignal): Promise<ProbeReport> {
  return post<ProbeReport>("v1/probe", { registry, policy }, signal);
}

async function get<T>(path: string): Promise<T | undefined> {
  try {
    const response = await fetch(path, { headers: { accept: "application/json" } });
    if (!response.ok || !isJson(response)) return undefined;
    return (await response.json()) as T;
  } catch {
    return undefined;
  }
}

async function post<T>(path: string, body: object, signal: AbortSignal): Promise<T> {
  const headers = { "content-type": "application/json", accept: "application/json" };
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal });
  if (!response.ok || !isJson(response)) throw new Error(`status ${response.status}`);
  return (await response.json()) as T;
}

function isJson(response: Response): boolean {
  return /^application\/(?:\w+\+)?json\b/.test(response.headers.get("content-type") ?? "");
}
