// *Open*: reads a policy from a file, a drop or the clipboard, and lists what could not be preserved.

import { announce } from "../announce";
import { usePolicy } from "../form/usePolicyForm";
import { openPolicy, type OpenResult } from "../formats/openPolicy";
import { messages } from "../messages";
import { isRecordFile } from "../replay/readRecords";
import { type DroppedFile, DropZone } from "./ui/DropZone";
import { Section } from "./ui/Section";

interface Props {
  onOpened: (opened: OpenResult) => void;
  /** Receives audit records, which are replayed. */
  onRecords: (files: File[]) => void;
}

export function OpenPanel({ onOpened, onRecords }: Props) {
  const { actions } = usePolicy();
  const t = messages.open;

  const openText = (text: string) => finish(openPolicy(text));
  const refuse = (problem: string) => finish({ ok: false, problems: [problem] });
  const openFiles = async ([file, ...others]: DroppedFile[]) => {
    if (file instanceof File && (await isRecordFile(file))) onRecords([file, ...others].filter((each) => each instanceof File));
    else if (others.length > 0) refuse(t.oneAtATime);
    else await file?.text().then(openText, () => refuse(t.unread(file.name)));
  };
  const finish = (opened: OpenResult) => {
    if (opened.ok) actions.open(opened.document);
    onOpened(opened);
    announce([opened.ok ? t.done : t.failed, ...(opened.ok ? opened.notes : opened.problems)].join(" "));
  };

  return (
    <Section title={t.title} intro={t.intro} className="open-panel">
      <DropZone
        labels={{ ...t, add: t.submit }}
        onFiles={(files) => void openFiles(files)}
        onText={openText}
      />
    </Section>
  );
}
