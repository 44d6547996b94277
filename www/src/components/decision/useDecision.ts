// The decision about what is typed under *Try an image*: by the module here, or by the daemon, which may have DNS.

import { type Explanation, type Fact, loadPolicy, type Request } from "pullgate";
import { useEffect, useMemo, useState } from "react";
import { type Daemon, explainThere, Refused, type ToExplain } from "../../daemon/daemon";
import type { Analysis } from "../../form/analysis";
import { projectOf } from "../../form/document";

export interface Question {
  reference: string;
  kind: "image" | "registry";
  project: string;
  facts: Fact[];
  /** Whether the daemon is to be asked. */
  there: boolean;
}

export interface Answer {
  /** Absent while nothing is asked, where the policy has errors, and where the module fails. */
  explanation: Explanation | undefined;
  /** Who answers; whether the daemon has still to, or could not; `none` while there is nothing to answer. */
  state: "none" | "here" | "there" | "asking" | "failed";
  /** Why the daemon could not, in its own words. */
  refusal?: string;
}

interface Answered {
  key: string;
  explanation?: Explanation;
  refusal?: string;
}

export function useDecision(analysis: Analysis, question: Question, daemon: Daemon | undefined): Answer {
  const { kind, facts } = question;
  const reference = question.reference.trim();
  const project = projectOf(analysis.document, question.project);
  const askable = reference !== "" && analysis.errors === 0 && !analysis.unchecked;
  const there = question.there && daemon !== undefined;

  const request = useMemo(
    (): Request => ({ reference, kind, facts, ...(project !== undefined && { project }) }),
    [reference, kind, facts, project],
  );
  const key = askable && there ? `{"policy":${analysis.text},${JSON.stringify(request).slice(1)}` : "";
  const [answered, setAnswered] = useState<Answered>();
  useEffect(() => {
    if (key === "") return;
    const ended = new AbortController();
    const ask = async () => {
      const answer = await explainThere(JSON.parse(key) as ToExplain, ended.signal).then(
        (explanation) => ({ explanation }),
        (error: unknown) => (error instanceof Refused ? { refusal: error.message } : {}),
      );
      if (!ended.signal.aborted) setAnswered({ key, ...answer });
    };
    // Not at every key.
    const timer = setTimeout(ask, 250);
    return () => {
      clearTimeout(timer);
      ended.abort();
    };
  }, [key]);

  const arrived = answered?.key === key ? answered : undefined;
  const isHere = askable && (!there || (arrived !== undefined && arrived.explanation === undefined));
  const here = useMemo(
    () => (isHere ? explainHere(analysis.text, request) : undefined),
    [isHere, analysis.text, request],
  );

  if (!askable) return { explanation: undefined, state: "none" };
  if (!there) return { explanation: here, state: "here" };
  if (arrived === undefined) return { explanation: undefined, state: "asking" };
  const { explanation, refusal } = arrived;
  if (explanation !== undefined) return { explanation, state: "there" };
  return { explanation: here, state: "failed", ...(refusal !== undefined && { refusal }) };
}

/** `undefined` where the module fails: the policy was checked, and had no errors. */
function explainHere(text: string, request: Request): Explanation | undefined {
  const loaded = loadPolicy(text);
  if (!loaded.ok) return undefined;
  const explanation = loaded.policy.explain(request);
  loaded.policy.dispose();
  return explanation;
}
