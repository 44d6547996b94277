// *Open*: reads a policy, or the settings of another program, from files, a drop or the clipboard, and lists what could not
// be preserved.

import { useEffect, useId, useRef, useState } from "react";
import { announce } from "../announce";
import { usePolicy } from "../form/usePolicyForm";
import { openPolicy, type OpenResult, type UnopenedText } from "../formats/openPolicy";
import { messages } from "../messages";
import { isRecordFile } from "../replay/readRecords";
import { importPolicy, type ReadFiles, readFiles } from "../settings/importPolicy";
import { settingsMessages } from "../settings/messages";
import type { ImportSource } from "../settings/settings";
import { openedTitle } from "./OpenResultNotice";
import { type DroppedFile, DropZone } from "./ui/DropZone";
import { Section } from "./ui/Section";
import type { DaemonState } from "./useDaemon";

interface Props {
  daemon: DaemonState;
  onOpened: (opened: OpenResult) => void;
  /** Receives audit records, which are replayed. */
  onRecords: (files: File[]) => void;
}

export function OpenPanel({ daemon: { status }, onOpened, onRecords }: Props) {
  const { actions } = usePolicy();
  const [source, setSource] = useState<ImportSource>();
  const [isReading, setIsReading] = useState(false);
  const reading = useRef(new AbortController());
  useEffect(() => () => reading.current.abort(), []);
  const t = messages.open;
  const hasDaemon = status === "found" || status === "stale";

  const finish = (opened: OpenResult) => {
    if (opened.ok) actions.open(opened.document);
    onOpened(opened);
    const findings = opened.ok ? (opened.imported?.findings ?? []).map(({ message }) => message) : [];
    announce([openedTitle(opened), ...(opened.ok ? opened.notes : opened.problems), ...findings.slice(0, 3)].join(" "));
  };
  const refuse = (problem: string) => finish({ ok: false, problems: [problem] });
  /** Has the daemon read what the page does not know. */
  const importFiles = async (read: ReadFiles, unopened: UnopenedText) => {
    reading.current.abort();
    const { signal } = (reading.current = new AbortController());
    setIsReading(true);
    announce(settingsMessages.reading);
    const opened = await importPolicy(read, source, signal);
    if (signal.aborted) return;
    setIsReading(false);
    finish(opened ?? unopened);
  };
  const openText = (text: string, path?: string) => {
    const opened = source === undefined ? openPolicy(text) : undefined;
    if (opened?.ok || (opened && !opened.isForeign)) return finish(opened);
    const unopened = opened ?? { ok: false, problems: [messages.open.neither] };
    if (!hasDaemon) return finish({ ...unopened, hint: hintOf(status) });
    void readFiles([pastedFile(text, path)]).then((read) =>
      read.files.length === 0 ? finish({ ok: false, problems: read.problems }) : importFiles(read, unopened),
    );
  };
  const openFiles = async (files: DroppedFile[]) => {
    const [file, ...others] = files;
    if (file instanceof File && (await isRecordFile(file))) {
      return onRecords(files.filter((each) => each instanceof File));
    }
    if (file !== undefined && others.length === 0) {
      const path = file.webkitRelativePath || file.name;
      return file.text().then((text) => openText(text, path), () => refuse(t.unread(file.name)));
    }
    if (!hasDaemon) return finish({ ok: false, problems: [t.oneAtATime], hint: hintOf(status) });
    const read = await readFiles(files);
    if (read.problems.length > 0) return finish({ ok: false, problems: read.problems });
    await importFiles(read, { ok: false, problems: [t.neither] });
  };

  return (
    <Section title={t.title} intro={t.intro} className="open-panel">
      {hasDaemon && <SourceSelect source={source} onSource={setSource} />}
      <DropZone
        labels={{ ...t, add: t.submit }}
        allowsMultiple={hasDaemon}
        takesFolders={hasDaemon}
        onFiles={(files) => void openFiles(files)}
        onText={openText}
      />
      {isReading && <p className="muted">{settingsMessages.reading}</p>}
    </Section>
  );
}

function pastedFile(text: string, path: string = settingsMessages.pasted): DroppedFile {
  const bytes = () => Promise.resolve(new TextEncoder().encode(text).buffer);
  return { name: path, text: () => Promise.resolve(text), arrayBuffer: bytes };
}

/** Returns the way to read other programs' settings without an answer of the daemon. */
function hintOf(status: DaemonState["status"]): string {
  if (status === "locked") return settingsMessages.importNeedsToken;
  return status === "lost" ? settingsMessages.importNeedsAnswer : settingsMessages.importNeedsDaemon;
}

interface SourceSelectProps {
  /** Absent to tell the program by the content. */
  source: ImportSource | undefined;
  onSource: (source: ImportSource | undefined) => void;
}

/** Choice of the program whose settings are opened. */
function SourceSelect({ source, onSource }: SourceSelectProps) {
  const id = useId();
  const { sources } = settingsMessages;
  return (
    <p className="source-select">
      <label htmlFor={id}>{messages.open.readAs}</label>
      <select
        id={id}
        value={source ?? ""}
        onChange={({ target }) => onSource(target.value === "" ? undefined : (target.value as ImportSource))}
      >
        <option value="">{messages.open.byContent}</option>
        {(Object.keys(sources) as ImportSource[]).map((name) => (
          <option key={name} value={name}>
            {sources[name]}
          </option>
        ))}
      </select>
    </p>
  );
}
