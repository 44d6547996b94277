// What came of trying to reach a registry, as the daemon says it (src/daemon/src/probe/report.rs).

import type { Decision } from "pullgate";

export interface ProbeReport {
  registry: string;
  decision: Decision;
  attempts: ProbeAttempt[];
  /** What the registry speaks. */
  protocol?: string;
  /** Whether the registry can be used as the policy says. */
  ok: boolean;
  summary: string;
}

export interface ProbeAttempt {
  scheme: "https" | "http";
  /** The host that is asked, where it is not the registry's own: Docker Hub's. */
  host?: string;
  port: number;
  address?: string;
  /** Whether the certificate must be verified. */
  verified: boolean;
  stages: ProbeStage[];
  /** As the server sent them, its own first, whether they were accepted or not. */
  chain: { subject: string; issuer: string; notAfter: string; sha256: string }[];
  vouchedBy?: { subject: string; sha256?: string; source: "policy" | "well-known" };
  protocol?: string;
  /** The other hosts that the registry pointed to. */
  elsewhere?: ProbeReport[];
}

export interface ProbeStage {
  stage: "dns" | "tcp" | "tls" | "v2" | "v1" | "token";
  ok: boolean;
  detail: string;
  milliseconds: number;
}
