// The policy in one format: its text, what the format cannot say, and the buttons.

import type { PolicyDocument } from "pullgate";
import { useRef, useState } from "react";
import { Button } from "react-aria-components/Button";
import { announce } from "../../announce";
import { analyse } from "../../form/analysis";
import { bundle, type Format, type Written } from "../../formats/format";
import { AUTHORITIES_FILE } from "../../formats/vicMachine";
import { usePolicy } from "../../form/usePolicyForm";
import { texts } from "../../messages";
import { copy, download } from "./clipboard";
import { Icon } from "../ui/Icon";

interface Props {
  format: Format;
  write: (document: PolicyDocument) => Written;
  /** What is shown. While a check is under way, it is older than what is in the fields. */
  document: PolicyDocument;
  state: "ready" | "draft" | "unchecked";
  onError: () => void;
}

export function FormatView({ format, write, document, state, onError }: Props) {
  const { form } = usePolicy();
  const shown = useRef<HTMLPreElement>(null);
  const [done, setDone] = useState("");
  const say = texts.output;
  const { text, notes } = write(document);
  const hasBundle = format === "options" && bundle(document) !== "";

  const tell = (what: string) => {
    setDone(what);
    announce(what);
  };
  // What leaves this page has passed the validator: the very values, not what is shown. Warnings keep nobody.
  const leave = (give: (document: PolicyDocument) => void | Promise<void>) => {
    const refuse = () => {
      const { unchecked } = analyse(form.getValues());
      tell(unchecked ? say.unchecked : say.blocked);
      if (!unchecked) onError();
    };
    return form.handleSubmit((values) => {
      const { canonical } = analyse(values);
      return canonical === undefined ? refuse() : give(canonical);
    }, refuse);
  };
  const copyText = leave(async (checked) =>
    tell((await copy(write(checked).text, shown.current)) ? say.copied : say.notCopied),
  );
  const save = (name: string, content: string) => {
    download(name, content);
    tell(say.downloaded(name));
  };
  const downloadText = leave((checked) => {
    const { fileName, text } = write(checked);
    save(fileName, text);
  });
  const downloadAuthorities = leave((checked) => save(AUTHORITIES_FILE, bundle(checked)));

  return (
    <>
      <p className="muted">{say.about[format]}</p>
      {state !== "ready" && (
        <p className="notice" data-weight={state === "draft" ? "error" : "unchecked"}>
          {say[state]}
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
      <pre ref={shown} className="format-text" tabIndex={0} role="group" aria-label={say.content(say.tabs[format])}>
        <code>{text.trim() === "" ? say.empty : text}</code>
      </pre>
      <div className="format-buttons">
        <Button className="button primary" onPress={() => void copyText()}>
          {say.copy}
        </Button>
        <Button className="button" onPress={() => void downloadText()}>
          {say.download}
        </Button>
        {hasBundle && (
          <Button className="button" onPress={() => void downloadAuthorities()}>
            {say.downloadAuthorities(AUTHORITIES_FILE)}
          </Button>
        )}
        <span className="muted">{done}</span>
      </div>
    </>
  );
}
