// *Open*: a policy from a file, dropped, or pasted. It says what could not be kept.

import { type DragEvent, useState } from "react";
import { Button } from "react-aria-components/Button";
import { FileTrigger } from "react-aria-components/FileTrigger";
import { announce } from "../announce";
import { type Opened, open } from "../formats/open";
import { usePolicy } from "../form/usePolicyForm";
import { texts } from "../texts";
import { PasteBox } from "./PasteBox";
import { Section } from "./Section";

interface Props {
  onOpened: (opened: Opened) => void;
}

export function OpenPanel({ onOpened }: Props) {
  const { actions } = usePolicy();
  const [isOver, setIsOver] = useState(false);
  const say = texts.open;

  const take = (text: string) => {
    const opened = open(text);
    if (opened.ok) actions.open(opened.document);
    onOpened(opened);
    announce([opened.ok ? say.done : say.failed, ...(opened.ok ? opened.notes : opened.problems)].join(" "));
  };
  const read = async (file: File | null | undefined) => {
    if (file) take(await file.text());
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setIsOver(false);
    const [file] = event.dataTransfer.files;
    if (file) void read(file);
    else take(event.dataTransfer.getData("text/plain"));
  };

  return (
    <Section title={say.title} intro={say.intro} className="open-panel">
      <div
        className="add-certificates"
        data-over={isOver || undefined}
        onDragOver={(event) => {
          event.preventDefault();
          setIsOver(true);
        }}
        onDragLeave={() => setIsOver(false)}
        onDrop={drop}
      >
        <p className="add-files">
          <FileTrigger onSelect={(files) => void read(files?.[0])}>
            <Button className="button">{say.choose}</Button>
          </FileTrigger>
          <span className="muted">{isOver ? say.dropNow : say.drop}</span>
        </p>
        <PasteBox
          label={say.paste}
          example={say.pasteExample}
          hint={texts.certificates.pasteHint}
          button={say.submit}
          onText={take}
        />
      </div>
    </Section>
  );
}
