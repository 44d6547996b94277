// Three ways to add certificates: files from a dialog, files or text dropped here, and pasted text.

import { type DragEvent, useState } from "react";
import { Button } from "react-aria-components/Button";
import { FileTrigger } from "react-aria-components/FileTrigger";
import { texts } from "../texts";
import { PasteBox } from "./PasteBox";

export interface Given {
  name: string;
  content: Uint8Array | string;
}

export function AddCertificates({ onGiven }: { onGiven: (given: Given[]) => void }) {
  const [isOver, setIsOver] = useState(false);
  const say = texts.certificates;

  const read = async (files: Iterable<File>) => {
    const given = [...files].map(async (file) => ({ name: file.name, content: new Uint8Array(await file.arrayBuffer()) }));
    onGiven(await Promise.all(given));
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setIsOver(false);
    const text = event.dataTransfer.getData("text/plain");
    if (event.dataTransfer.files.length > 0) void read(event.dataTransfer.files);
    else if (text !== "") onGiven([{ name: say.pasted, content: text }]);
  };

  return (
    <div
      className="add-certificates"
      data-over={isOver || undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setIsOver(false);
      }}
      onDrop={drop}
    >
      <p className="add-files">
        <FileTrigger allowsMultiple onSelect={(files) => files && void read(files)}>
          <Button className="button choose-files">{say.choose}</Button>
        </FileTrigger>
        <span className="muted">{isOver ? say.dropNow : say.drop}</span>
      </p>
      <PasteBox
        label={say.paste}
        example={say.pasteExample}
        hint={say.pasteHint}
        button={say.add}
        onText={(text) => onGiven([{ name: say.pasted, content: text }])}
      />
    </div>
  );
}
