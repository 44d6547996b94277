// A file of exported settings: its text, for copying and downloading, alone or merged into the file that is there already.

import { useRef, useState } from "react";
import { Button } from "react-aria-components/Button";
import { FileTrigger } from "react-aria-components/FileTrigger";
import { announce } from "../announce";
import { containsPrivateKey } from "../certificates/pem";
import { copy, download } from "../components/output/clipboard";
import { isShownWhole, TextView } from "../components/output/TextView";
import { messages } from "../messages";
import { CommandView } from "./CommandView";
import { settingsMessages as t } from "./messages";
import type { ExportedFile } from "./settings";

interface Props {
  file: ExportedFile;
  /** Receives the text of the file that is there, or nothing if the settings are to be written alone again. */
  onExisting: (text: string | undefined) => void;
  /** Returns whether the policy is another one than the settings are for. */
  isOutdated: () => boolean;
}

export function FileView({ file: { path, text, link, merged }, onExisting, isOutdated }: Props) {
  const shown = useRef<HTMLPreElement>(null);
  const [status, setStatus] = useState("");
  const report = (message: string) => {
    setStatus(message);
    announce(message);
  };
  const whenCurrent = (action: () => void | Promise<void>) => () => (isOutdated() ? report(t.outdated) : void action());
  const merge = async ([file]: File[]) => {
    if (file === undefined) return;
    const existing = await file.text().catch(() => undefined);
    if (existing === undefined) report(t.unread(file.name));
    else if (containsPrivateKey(existing)) report(t.keyInside(file.name));
    else {
      setStatus("");
      onExisting(existing);
    }
  };
  if (text === undefined) {
    return (
      <section className="exported-file" aria-label={path}>
        <h3>
          <bdi>{path}</bdi>
        </h3>
        <p className="muted">{t.linkAbout}</p>
        <CommandView text={t.link(path, link ?? "")} label={path} />
      </section>
    );
  }
  return (
    <section className="exported-file" aria-label={path}>
      <h3>
        <bdi>{path}</bdi>
      </h3>
      {merged && <p className="muted">{t.merged}</p>}
      <TextView ref={shown} text={text} label={messages.output.content(path)} />
      <div className="format-buttons">
        <Button
          className="button"
          aria-label={t.copyFile(path)}
          onPress={whenCurrent(async () => {
            const isCopied = await copy(text, shown.current);
            const { copied, notCopied, notCopiedLong } = messages.output;
            report(isCopied ? copied : isShownWhole(text) ? notCopied : notCopiedLong);
          })}
        >
          {messages.output.copy}
        </Button>
        <Button
          className="button"
          aria-label={t.downloadFile(path)}
          onPress={whenCurrent(() => {
            const name = path.split("/").at(-1) ?? path;
            download(name, text);
            report(messages.output.downloaded(name));
          })}
        >
          {messages.output.download}
        </Button>
        {merged ? (
          <Button className="button" onPress={() => onExisting(undefined)}>
            {t.unmerge}
          </Button>
        ) : (
          path.startsWith("/") && (
            <FileTrigger onSelect={(files) => files && void merge([...files])}>
              <Button className="button" aria-label={t.mergeInto(path)}>
                {t.merge}
              </Button>
            </FileTrigger>
          )
        )}
        <span className="muted">{status}</span>
      </div>
    </section>
  );
}
