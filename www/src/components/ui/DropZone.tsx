// Three ways to give texts: files from a dialog, files or text dropped here, and pasted text.

import { type DragEvent, useState } from "react";
import { Button } from "react-aria-components/Button";
import { FileTrigger } from "react-aria-components/FileTrigger";
import { PasteBox } from "./PasteBox";

interface Props {
  onFiles: (files: File[]) => void;
  /** Text that was pasted or dropped; it may be empty. */
  onText: (text: string) => void;
  allowsMultiple?: boolean;
  labels: {
    choose: string;
    drop: string;
    dropNow: string;
    paste: string;
    pasteExample: string;
    pasteHint: string;
    add: string;
  };
}

export function DropZone({ onFiles, onText, allowsMultiple = false, labels }: Props) {
  const [isOver, setIsOver] = useState(false);

  const drop = (event: DragEvent) => {
    event.preventDefault();
    setIsOver(false);
    const files = [...event.dataTransfer.files];
    if (files.length > 0) onFiles(files);
    else onText(event.dataTransfer.getData("text/plain"));
  };

  return (
    <div
      className="drop-zone"
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
        <FileTrigger allowsMultiple={allowsMultiple} onSelect={(files) => files && onFiles([...files])}>
          <Button className="button choose-files">{labels.choose}</Button>
        </FileTrigger>
        <span className="muted">{isOver ? labels.dropNow : labels.drop}</span>
      </p>
      <PasteBox label={labels.paste} example={labels.pasteExample} hint={labels.pasteHint} button={labels.add} onText={onText} />
    </div>
  );
}
