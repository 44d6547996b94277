// Steps of an explanation. Most of many entries that do not match are folded.

import type { Step } from "pullgate";
import { messages } from "../../messages";
import { FormattedMessage } from "../ui/FormattedMessage";

const MAX_SHOWN_MISSES = 6;

export function ExplanationSteps({ steps }: { steps: readonly Step[] }) {
  const misses = steps.filter(isMiss);
  const folded = new Set(misses.length > MAX_SHOWN_MISSES + 1 ? misses.slice(MAX_SHOWN_MISSES) : []);
  const [firstFolded] = folded;
  return (
    <ol className="steps">
      {steps.map((step, index) => {
        if (!folded.has(step)) return <StepView key={index} step={step} />;
        if (step !== firstFolded) return null;
        return (
          <li key={index} data-matches={false}>
            <details>
              <summary>{messages.tryOut.moreMisses(folded.size)}</summary>
              <ol>
                {[...folded].map((step, index) => (
                  <StepView key={index} step={step} />
                ))}
              </ol>
            </details>
          </li>
        );
      })}
    </ol>
  );
}

function isMiss({ kind, matches }: Step): boolean {
  return kind === "entry" && matches === false;
}

function StepView({ step: { kind, entry, matches, text } }: { step: Step }) {
  return (
    <li data-kind={kind} data-matches={matches}>
      {kind === "entry" && entry && (
        <>
          <code>{entry.entry}</code>
          {messages.tryOut.colon}
        </>
      )}
      <FormattedMessage text={text} />
    </li>
  );
}
