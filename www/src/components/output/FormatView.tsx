// The policy in one format: its text, notes on what the format cannot express, and buttons.

import type { PolicyDocument } from "pullgate";
import { useMemo, useRef, useState } from "react";
import { Button } from "react-aria-components/Button";
import { announce } from "../../announce";
import { analyse } from "../../form/analysis";
import { usePolicy } from "../../form/usePolicyForm";
import { certificateBundle, type FormattedDocument, type OutputFormat } from "../../formats/format";
import { AUTHORITIES_FILE } from "../../formats/vicMachine";
import { messages } from "../../messages";
import { Icon } from "../ui/Icon";
import { copy, download } from "./clipboard";
import { isShownWhole, TextView } from "./TextView";

interface Props {
  format: OutputFormat;
  write: (document: PolicyDocument) => FormattedDocument;
  /** The document shown. During a check it is older than the fields. */
  document: PolicyDocument;
  state: "ready" | "draft" | "unchecked";
  onError: () => void;
  onSaved: () => void;
}

export function FormatView({ format, write, document, state, onError, onSaved }: Props) {
  const { getValues } = usePolicy();
  const shown = useRef<HTMLPreElement>(null);
  const [status, setStatus] = useState("");
  const t = messages.output;
  const { text, notes } = useMemo(() => write(document), [write, document]);
  const hasBundle = format === "vic-machine" && certificateBundle(document) !== "";

  const report = (message: string) => {
    setStatus(message);
    announce(message);
  };
  // Only validated documents leave the page: the current values, not the text shown. Warnings do not block.
  const whenValid = (action: (document: PolicyDocument) => void | Promise<void>) => {
    return () => {
      const { canonical, unchecked } = analyse(getValues());
      if (canonical !== undefined) return action(canonical);
      report(unchecked ? t.unchecked : t.blocked);
      if (!unchecked) onError();
    };
  };
  const copyText = whenValid(async (checked) => {
    const isCopied = await copy(write(checked).text, shown.current);
    report(isCopied ? t.copied : isShownWhole(text) ? t.notCopied : t.notCopiedLong);
    if (isCopied) onSaved();
  });
  const save = (name: string, content: string) => {
    download(name, content);
    report(t.downloaded(name));
  };
  const downloadText = whenValid((checked) => {
    const { fileName, text } = write(checked);
    save(fileName, text);
    onSaved();
  });
  const downloadAuthorities = whenValid((checked) => save(AUTHORITIES_FILE, certificateBundle(checked)));

  return (
    <>
      <p className="muted">{t.about[format]}</p>
      {state !== "ready" && (
        <p className="notice" data-severity={state === "draft" ? "error" : "unchecked"}>
          {t[state]}
        </p>
      )}
      {notes.length > 0 && (
        <ul className="format-notes">
          {notes.map((note) => (
            <li key={note}>
              <Icon name="warning" />
              {note}
            </li>
          ))}
        </ul>
      )}
      <TextView ref={shown} text={text.trim() === "" ? t.empty : text} label={t.content(t.tabs[format])} />
      <div className="format-buttons">
        <Button className="button primary" onPress={() => void copyText()}>
          {t.copy}
        </Button>
        <Button className="button" onPress={() => void downloadText()}>
          {t.download}
        </Button>
        {hasBundle && (
          <Button className="button" onPress={() => void downloadAuthorities()}>
            {t.downloadAuthorities(AUTHORITIES_FILE)}
          </Button>
        )}
        <span className="muted">{status}</span>
      </div>
    </>
  );
}
