// *Open*: reads a policy from a file, a drop or the clipboard, and lists what could not be preserved.

import { announce } from "../announce";
import { usePolicy } from "../form/usePolicyForm";
import { openPolicy, type OpenResult } from "../formats/openPolicy";
import { messages } from "../messages";
import { type DroppedFile, DropZone } from "./ui/DropZone";
import { Section } from "./ui/Section";

interface Props {
  onOpened: (opened: OpenResult) => void;
}

export function OpenPanel({ onOpened }: Props) {
  const { actions } = usePolicy();
  const t = messages.open;

  const openText = (text: string) => finish(openPolicy(text));
  const refuse = (problem: string) => finish({ ok: false, problems: [problem] });
  const openFiles = ([file, ...others]: DroppedFile[]) => {
    if (others.length > 0) refuse(t.oneAtATime);
    else void file?.text().then(openText, () => refuse(t.unread(file.name)));
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
        onFiles={openFiles}
        onText={openText}
      />
    </Section>
  );
}
