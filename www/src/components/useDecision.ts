// The decision about what is typed under *Try an image*: by the module here, or by the daemon, which has DNS.

import { type Explanation, type Fact, loadPolicy, type Request } from "pullgate";
import { useEffect, useMemo, useState } from "react";
import { type Daemon, explainThere } from "../daemon/daemon";
import type { Analysis } from "../form/analysis";

export interface Question {
  reference: string;
  kind: "image" | "registry";
  project: string;
  facts: Fact[];
  /** Whether the daemon is to be asked. */
  there: boolean;
}

export interface Answer {
  /** Absent while nothing is asked, and where the policy has errors. */
  explanation: Explanation | undefined;
  /** Whether the daemon has still to answer, or could not. */
  state: "here" | "there" | "asking" | "failed";
}

export function useDecision(analysis: Analysis, question: Question, daemon: Daemon | undefined): Answer {
  const { reference, kind, project, facts } = question;
  const reading = reference.trim();
  const askable = reading !== "" && analysis.errors === 0 && !analysis.unchecked;
  // The daemon takes images only.
  const there = question.there && daemon !== undefined && kind === "image";

  const here = useMemo(() => {
    if (!askable || there) return undefined;
    return explainHere(analysis.text, { reference: reading, kind, facts, ...(project !== "" && { project }) });
  }, [askable, there, analysis.text, reading, kind, project, facts]);

  const key = askable && there ? JSON.stringify([analysis.text, reading, project]) : "";
  const [answered, setAnswered] = useState<{ key: string; explanation: Explanation | undefined }>();
  useEffect(() => {
    if (key === "") return;
    const ended = new AbortController();
    const [text, reference, project] = JSON.parse(key) as [string, string, string];
    const ask = async () => {
      try {
        const question = { reference, policy: JSON.parse(text), ...(project !== "" && { project }) };
        const explanation = await explainThere(question, ended.signal);
        if (!ended.signal.aborted) setAnswered({ key, explanation });
      } catch {
        if (!ended.signal.aborted) setAnswered({ key, explanation: undefined });
      }
    };
    // Not at every key.
    const timer = setTimeout(ask, 250);
    return () => {
      clearTimeout(timer);
      ended.abort();
    };
  }, [key]);

  const failed = answered?.key === key && answered.explanation === undefined;
  const instead = useMemo(() => {
    if (key === "" || !failed) return undefined;
    return explainHere(analysis.text, { reference: reading, kind, facts, ...(project !== "" && { project }) });
  }, [key, failed, analysis.text, reading, kind, project, facts]);

  if (!askable || !there) return { explanation: here, state: "here" };
  if (answered?.key !== key) return { explanation: undefined, state: "asking" };
  return failed ? { explanation: instead, state: "failed" } : { explanation: answered.explanation, state: "there" };
}

function explainHere(text: string, request: Request): Explanation | undefined {
  const loaded = loadPolicy(text);
  if (!loaded.ok) return undefined;
  const explanation = loaded.policy.explain(request);
  loaded.policy.dispose();
  return explanation;
}

