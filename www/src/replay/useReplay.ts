// The audit record that was given to the page, and what the policy of the form makes of it.

import { loadPolicy } from "pullgate";
import { useEffect, useRef, useState } from "react";
import { replayMessages as t } from "./messages";
import { type RecordedRequests, readRecords } from "./readRecords";
import { type ReplayReport, replay } from "./replay";

export type ReplayState =
  | { step: "idle" }
  | { step: "reading"; lines: number }
  | { step: "deciding" }
  | { step: "failed"; problem: string }
  | { step: "done"; report: ReplayReport; requests: RecordedRequests };

/** Milliseconds between two updates of the progress. */
const PROGRESS_INTERVAL = 100;

/** Replays records by a policy, given as JSON; absent if it does not load. */
export function useReplay(policyText: string | undefined) {
  const [requests, setRequests] = useState<RecordedRequests>();
  const [state, setState] = useState<ReplayState>({ step: "idle" });
  const reading = useRef(new AbortController());

  const read = async (files: readonly File[]) => {
    reading.current.abort();
    const { signal } = (reading.current = new AbortController());
    setRequests(undefined);
    setState({ step: "reading", lines: 0 });
    let shown = 0;
    try {
      const found = await readRecords(files, (lines) => {
        signal.throwIfAborted();
        if (performance.now() - shown < PROGRESS_INTERVAL) return;
        shown = performance.now();
        setState({ step: "reading", lines });
      });
      signal.throwIfAborted();
      if (found.records === 0) setState({ step: "failed", problem: t.empty });
      else setRequests(found);
    } catch {
      if (!signal.aborted) setState({ step: "failed", problem: t.unread(files.map(({ name }) => name).join(", ")) });
    }
  };

  const forget = () => {
    reading.current.abort();
    setRequests(undefined);
    setState({ step: "idle" });
  };

  useEffect(() => {
    if (requests === undefined) return;
    const loaded = policyText === undefined ? undefined : loadPolicy(policyText);
    if (!loaded?.ok) {
      setState({ step: "failed", problem: t.noPolicy });
      return;
    }
    const stop = new AbortController();
    setState((current) => (current.step === "done" ? current : { step: "deciding" }));
    const proceed = async () => {
      await new Promise((resolve) => setTimeout(resolve));
      stop.signal.throwIfAborted();
    };
    replay(requests, loaded.policy, proceed)
      .then(
        (report) => {
          if (!stop.signal.aborted) setState({ step: "done", report, requests });
        },
        () => {
          if (!stop.signal.aborted) setState({ step: "failed", problem: t.failed });
        },
      )
      .finally(() => loaded.policy.dispose());
    return () => stop.abort();
  }, [requests, policyText]);

  return { state, read, forget };
}
