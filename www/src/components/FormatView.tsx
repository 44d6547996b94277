// The policy in one format: its text, what the format cannot say, and the buttons.

import type { PolicyDocument } from "pullgate";
import { useRef, useState } from "react";
import { Button } from "react-aria-components/Button";
import { announce } from "../announce";
import { bundle, type Written } from "../formats/format";
import { AUTHORITIES_FILE } from "../formats/vicMachine";
import { usePolicy } from "../form/usePolicyForm";
import { texts } from "../texts";
import { copy, download } from "./give";
import { Icon } from "./Icon";
import type { Format } from "./Output";

interface Props {
  format: Format;
  written: Written;
  document: PolicyDocument;
  isDraft: boolean;
  onError: () => void;
}

export function FormatView({ format, written: { text, fileName, notes }, document, isDraft, onError }: Props) {
  const { form } = usePolicy();
  const shown = useRef<HTMLPreElement>(null);
  const [done, setDone] = useState("");
  const say = texts.output;
  const authorities = format === "options" ? bundle(document) : "";

  const tell = (what: string) => {
    setDone(what);
    announce(what);
  };
  // What leaves this page has passed the validator. Warnings keep nobody.
  const leave = (give: () => void | Promise<void>) =>
    form.handleSubmit(give, () => {
      tell(say.blocked);
      onError();
    });
  const copyText = leave(async () => tell((await copy(text, shown.current)) ? say.copied : say.notCopied));
  const downloadText = leave(() => {
    download(fileName, text);
    tell(say.downloaded(fileName));
  });
  const downloadAuthorities = leave(() => {
    download(AUTHORITIES_FILE, authorities);
    tell(say.downloaded(AUTHORITIES_FILE));
  });

  return (
    <>
      <p className="muted">{say.about[format]}</p>
      {isDraft && (
        <p className="notice" data-weight="error">
          {say.draft}
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
        {authorities !== "" && (
          <Button className="button" onPress={() => void downloadAuthorities()}>
            {say.downloadAuthorities(AUTHORITIES_FILE)}
          </Button>
        )}
        <span className="muted">{done}</span>
      </div>
    </>
  );
}
