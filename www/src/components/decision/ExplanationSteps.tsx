// Steps of an explanation: first the entries that decided, then how, and at last the entries that do not match.

import type { Step } from "pullgate";
import { messages } from "../../messages";
import { FormattedMessage } from "../ui/FormattedMessage";

/** The number of entries without a match that are shown at once. */
const MAX_SHOWN_MISSES = 6;

export function ExplanationSteps({ steps }: { steps: readonly Step[] }) {
  const misses = steps.filter(isMiss);
  const shown = misses.length > MAX_SHOWN_MISSES ? [] : misses;
  const folded = misses.length > MAX_SHOWN_MISSES ? misses : [];
  const matches = steps.filter(({ kind, matches }) => kind === "entry" && matches === true);
  const others = steps.filter((step) => !isMiss(step) && !matches.includes(step));
  return (
    <ol className="steps">
      {[...matches, ...others, ...shown].map((step, index) => (
        <StepView key={index} step={step} />
      ))}
      {folded.length > 0 && (
        <li data-matches={false}>
          <details>
            <summary>{messages.tryOut.misses(folded.length)}</summary>
            <ol>
              {folded.map((step, index) => (
                <StepView key={index} step={step} />
              ))}
            </ol>
          </details>
        </li>
      )}
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
