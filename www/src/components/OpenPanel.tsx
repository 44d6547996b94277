// *Open*: a policy from a file, dropped, or pasted. It says what could not be kept.

import { announce } from "../announce";
import { type Opened, open } from "../formats/openPolicy";
import { usePolicy } from "../form/usePolicyForm";
import { texts } from "../messages";
import { DropBox } from "./ui/DropZone";
import { Section } from "./ui/Section";

interface Props {
  onOpened: (opened: Opened) => void;
}

export function OpenPanel({ onOpened }: Props) {
  const { actions } = usePolicy();
  const say = texts.open;

  const take = (text: string) => finish(open(text));
  const refuse = (problem: string) => finish({ ok: false, problems: [problem] });
  const takeFiles = ([file, ...others]: File[]) => {
    if (others.length > 0) refuse(say.oneAtATime);
    else void file?.text().then(take, () => refuse(say.unread(file.name)));
  };
  const finish = (opened: Opened) => {
    if (opened.ok) actions.open(opened.document);
    onOpened(opened);
    announce([opened.ok ? say.done : say.failed, ...(opened.ok ? opened.notes : opened.problems)].join(" "));
  };

  return (
    <Section title={say.title} intro={say.intro} className="open-panel">
      <DropBox
        say={{ ...say, add: say.submit }}
        onFiles={takeFiles}
        onText={take}
      />
    </Section>
  );
}
