// *What it would have done*: audit records, and what the policy of the form decides otherwise.

import type { PolicyDocument } from "pullgate";
import { memo, useEffect, useMemo } from "react";
import { Button } from "react-aria-components/Button";
import { DropZone as AriaDropZone } from "react-aria-components/DropZone";
import { FileTrigger } from "react-aria-components/FileTrigger";
import { announce } from "../announce";
import { Section } from "../components/ui/Section";
import { replayMessages as t } from "./messages";
import { ReplayReportView } from "./ReplayReportView";
import { type ReplayState, useReplay } from "./useReplay";
import "./replay.css";

interface Props {
  /** The policy in canonical form; absent if it does not load. */
  policy: PolicyDocument | undefined;
  /** Records that were given elsewhere on the page. */
  given: readonly File[] | undefined;
}

export const ReplaySection = memo(function ReplaySection({ policy, given }: Props) {
  const policyText = useMemo(() => policy && JSON.stringify(policy), [policy]);
  const { state, read, forget } = useReplay(policyText);
  useEffect(() => {
    if (given !== undefined) void read(given);
  }, [given]);

  const isBusy = state.step === "reading" || state.step === "deciding";
  return (
    <Section title={t.title} intro={t.intro} className="replay">
      <AriaDropZone
        className="drop-zone"
        aria-label={t.dropZone}
        onDrop={({ items }) => {
          const files = items.flatMap((item) => (item.kind === "file" ? [item.getFile()] : []));
          if (files.length > 0) void Promise.all(files).then(read);
        }}
      >
        {({ isDropTarget }) => (
          <p className="add-files">
            <FileTrigger allowsMultiple onSelect={(files) => files && void read([...files])}>
              <Button className="button choose-files">{t.choose}</Button>
            </FileTrigger>
            <span className="muted">{isDropTarget ? t.dropNow : t.drop}</span>
            {state.step !== "idle" && (
              <Button className="button small" onPress={forget}>
                {isBusy ? t.stop : t.forget}
              </Button>
            )}
          </p>
        )}
      </AriaDropZone>
      <ReplayStatus state={state} />
      {state.step === "done" && <ReplayReportView report={state.report} requests={state.requests} />}
    </Section>
  );
});

function ReplayStatus({ state }: { state: ReplayState }) {
  const problem = state.step === "failed" ? state.problem : undefined;
  useEffect(() => {
    if (problem !== undefined) announce(problem);
  }, [problem]);
  if (state.step === "reading") return <p className="muted">{t.reading(state.lines)}</p>;
  if (state.step === "deciding") return <p className="muted">{t.deciding}</p>;
  return problem === undefined ? null : <p className="replay-problem">{problem}</p>;
}
