// A text to be copied. Of a long one the beginning is shown.

import { type Ref, useMemo } from "react";
import { messages } from "../../messages";

/** The number of lines that are shown: a text of thousands would slow down every key press. */
export const SHOWN_LINES = 1000;

export function TextView({ text, label, ref }: { text: string; label: string; ref?: Ref<HTMLPreElement> }) {
  const { shown, left } = useMemo(() => {
    const lines = text.split("\n");
    const left = Math.max(0, lines.length - SHOWN_LINES);
    return { shown: left > 0 ? lines.slice(0, SHOWN_LINES).join("\n") : text, left };
  }, [text]);
  return (
    <>
      <pre ref={ref} className="format-text" dir="ltr" tabIndex={0} role="group" aria-label={label}>
        <code>{shown}</code>
      </pre>
      {left > 0 && <p className="muted">{messages.output.excerpt(left)}</p>}
    </>
  );
}

/** Returns whether all of a text is shown, so that it can be copied by hand. */
export function isShownWhole(text: string): boolean {
  return text.split("\n").length <= SHOWN_LINES;
}
