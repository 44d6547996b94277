// The recent traffic of the daemon's gate.

import { get } from "../daemon/daemon";

/** A registry that clients of the gate asked for lately. */
export interface RecentRegistry {
  /** As `HOST[:PORT]`. */
  registry: string;
  /** Numbers of requests since the start of the daemon. */
  allowed: number;
  refused: number;
  /** The time of the last request. */
  last: string;
  /** The reason of the last refusal. */
  reason?: string;
  /** Token servers of the registry, and hosts that it redirects to. */
  secondHosts: string[];
}

/** Reads the registries, the last one first; nothing if the daemon does not answer. */
export async function readGate(): Promise<RecentRegistry[] | undefined> {
  const answer = await get<{ registries?: RecentRegistry[] }>("v1/gate");
  return answer === "locked" || !Array.isArray(answer?.registries) ? undefined : answer.registries;
}
