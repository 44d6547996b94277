// A command line, for copying.

import { useRef, useState } from "react";
import { Button } from "react-aria-components/Button";
import { announce } from "../announce";
import { copy } from "../components/output/clipboard";
import { TextView } from "../components/output/TextView";
import { messages } from "../messages";
import { settingsMessages as t } from "./messages";

export function CommandView({ text, label }: { text: string; label: string }) {
  const shown = useRef<HTMLPreElement>(null);
  const [status, setStatus] = useState("");
  const copyText = async () => {
    const message = (await copy(text, shown.current)) ? messages.output.copied : messages.output.notCopied;
    setStatus(message);
    announce(message);
  };
  return (
    <>
      <TextView ref={shown} text={text} label={label} />
      <div className="format-buttons">
        <Button className="button" onPress={() => void copyText()}>
          {t.copyCommand}
        </Button>
        <span className="muted">{status}</span>
      </div>
    </>
  );
}
