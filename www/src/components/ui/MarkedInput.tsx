// Text field that underlines wrong parts of its text: a transparent input over the same text, invisible, with marks. Host
// names are left-to-right in any script.

import { type Ref, useLayoutEffect, useRef, useState } from "react";
import { Input } from "react-aria-components/Input";
import type { DisplaySeverity } from "./FindingList";

export interface TextMark {
  start: number;
  end: number;
  severity: DisplaySeverity;
}

interface Props {
  text: string;
  marks: readonly TextMark[];
  inputRef?: Ref<HTMLInputElement>;
  placeholder?: string;
  onPaste?: React.ClipboardEventHandler<HTMLInputElement>;
  onKeyDown?: React.KeyboardEventHandler<HTMLInputElement>;
}

export function MarkedInput({ text, marks, inputRef, ...input }: Props) {
  const behind = useRef<HTMLDivElement>(null);
  const [scrolled, setScrolled] = useState(0);
  const applied = useRef(0);
  useLayoutEffect(() => {
    // Where nothing is scrolled, as in almost every field, the browser is spared a layout.
    if (behind.current === null || (scrolled === 0 && applied.current === 0)) return;
    behind.current.scrollLeft = scrolled;
    applied.current = scrolled;
  }, [scrolled, text, marks]);
  return (
    <div className="marked-input">
      <div className="marked-text" ref={behind} aria-hidden="true" dir="ltr">
        {markedParts(text, marks)}
      </div>
      <Input
        {...input}
        ref={inputRef}
        dir="ltr"
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        onScroll={(event) => setScrolled(event.currentTarget.scrollLeft)}
      />
    </div>
  );
}

/** Splits the text into marked and unmarked parts. Only the first of overlapping marks is drawn. */
function markedParts(text: string, marks: readonly TextMark[]) {
  const drawn = [];
  let at = 0;
  for (const { start, end, severity } of [...marks].sort((a, b) => a.start - b.start)) {
    if (start < at) continue;
    drawn.push(text.slice(at, start), <mark key={start} data-severity={severity}>{text.slice(start, end)}</mark>);
    at = end;
  }
  return [...drawn, text.slice(at)];
}
