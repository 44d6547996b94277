// The daemon's report of a connection test, as in the response to `v1/probe`.

import type { Decision } from "pullgate";

export interface ProbeReport {
  registry: string;
  decision: Decision;
  attempts: ProbeAttempt[];
  /** The protocol of the registry. */
  protocol?: string;
  /** That a proxy is set for the daemon, through which it does not test. */
  hint?: string;
  /** True if the registry can be used as the policy requires. */
  ok: boolean;
  summary: string;
}

export interface ProbeAttempt {
  scheme: "https" | "http";
  /** The host connected to, if it differs from that of the registry: Docker Hub's. */
  host?: string;
  port: number;
  address?: string;
  /** True if the certificate must be verified. */
  verified: boolean;
  stages: ProbeStage[];
  /** The presented certificates, the server's own first, accepted or not. */
  chain: PresentedCertificate[];
  vouchedBy?: { subject: string; sha256?: string; source: "policy" | "well-known" };
  protocol?: string;
  /** The reports of other hosts that the registry refers to. */
  elsewhere?: ProbeReport[];
}

/** A certificate that a server sent. */
export interface PresentedCertificate {
  subject: string;
  issuer: string;
  notAfter: string;
  sha256: string;
  /** Absent if it cannot be read. */
  pem?: string;
}

export interface ProbeStage {
  stage: "dns" | "tcp" | "tls" | "v2" | "v1" | "token";
  ok: boolean;
  detail: string;
  milliseconds: number;
}
