// The decision on the reference under *Try an image*, by the page's module or by the daemon, which may have DNS.

import { type DnsAnswer, type Explanation, loadPolicy, type Request } from "pullgate";
import { useEffect, useMemo, useState } from "react";
import { DaemonError, type DaemonInfo, explainOnDaemon, type ExplainRequest } from "../../daemon/daemon";
import type { PolicyAnalysis } from "../../form/analysis";
import { projectOf } from "../../form/document";

export interface TryImageValues {
  reference: string;
  kind: "image" | "registry" | "many";
  project: string;
  dnsAnswers: DnsAnswer[];
  askDaemon: boolean;
}

export interface DecisionResult {
  /** Absent without a reference, if the policy does not load, and if the module fails. */
  explanation: Explanation | undefined;
  /** The source of the explanation; `loading` or `failed` for a request to the daemon; `idle` without a request. */
  status: "idle" | "local" | "daemon" | "loading" | "failed";
  /** The daemon's error message. */
  daemonError?: string;
}

/** Quiet period after a key press before the daemon receives a request, in milliseconds. */
const REQUEST_DELAY_MS = 250;

interface DaemonAnswer {
  key: string;
  explanation?: Explanation;
  daemonError?: string;
}

export function useDecision(
  analysis: PolicyAnalysis,
  values: TryImageValues,
  daemon: DaemonInfo | undefined,
): DecisionResult {
  const { dnsAnswers } = values;
  const kind = values.kind === "many" ? "image" : values.kind;
  const reference = values.kind === "many" ? "" : values.reference.trim();
  const project = projectOf(analysis.document, values.project);
  const isDecidable = reference !== "" && analysis.canonical !== undefined;
  const usesDaemon = values.askDaemon && daemon !== undefined;

  const request = useMemo(
    (): Request => ({ reference, kind, dnsAnswers, ...(project !== undefined && { project }) }),
    [reference, kind, dnsAnswers, project],
  );
  const key = useMemo(
    () => (isDecidable && usesDaemon ? `{"policy":${analysis.text},${JSON.stringify(request).slice(1)}` : ""),
    [isDecidable, usesDaemon, analysis.text, request],
  );
  const [answered, setAnswered] = useState<DaemonAnswer>();
  useEffect(() => {
    if (key === "") return;
    const controller = new AbortController();
    const send = async () => {
      const answer = await explainOnDaemon(JSON.parse(key) as ExplainRequest, controller.signal).then(
        (explanation) => ({ explanation }),
        (error: unknown) => (error instanceof DaemonError ? { daemonError: error.message } : {}),
      );
      if (!controller.signal.aborted) setAnswered({ key, ...answer });
    };
    const timer = setTimeout(send, REQUEST_DELAY_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [key]);

  const current = answered?.key === key ? answered : undefined;
  const isLocal = isDecidable && (!usesDaemon || (current !== undefined && current.explanation === undefined));
  const local = useMemo(
    () => (isLocal ? explainLocally(analysis.text, request) : undefined),
    [isLocal, analysis.text, request],
  );

  return useMemo((): DecisionResult => {
    if (!isDecidable) return { explanation: undefined, status: "idle" };
    if (!usesDaemon) return { explanation: local, status: "local" };
    if (current === undefined) return { explanation: undefined, status: "loading" };
    const { explanation, daemonError } = current;
    if (explanation !== undefined) return { explanation, status: "daemon" };
    return { explanation: local, status: "failed", ...(daemonError !== undefined && { daemonError }) };
  }, [isDecidable, usesDaemon, local, current]);
}

/** Returns the module's explanation, or `undefined` if the module fails: the policy is known to load. */
function explainLocally(text: string, request: Request): Explanation | undefined {
  const loaded = loadPolicy(text);
  if (!loaded.ok) return undefined;
  const explanation = loaded.policy.explain(request);
  loaded.policy.dispose();
  return explanation;
}
