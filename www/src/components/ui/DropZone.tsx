// Input of files or text: from a file dialog, by drag and drop, or from the clipboard.

import { Button } from "react-aria-components/Button";
import { DropZone as AriaDropZone } from "react-aria-components/DropZone";
import { FileTrigger } from "react-aria-components/FileTrigger";
import type { DropItem } from "react-aria-components/useDragAndDrop";
import { PasteBox } from "./PasteBox";

/** A file, or a folder, which cannot be read. */
export type DroppedFile = Pick<File, "name" | "text" | "arrayBuffer">;

interface Props {
  onFiles: (files: DroppedFile[]) => void;
  /** Receives pasted or dropped text, which may be empty. */
  onText: (text: string) => void;
  allowsMultiple?: boolean;
  labels: {
    choose: string;
    drop: string;
    dropNow: string;
    dropZone: string;
    paste: string;
    pasteExample: string;
    pasteHint: string;
    add: string;
  };
}

export function DropZone({ onFiles, onText, allowsMultiple = false, labels }: Props) {
  const drop = async (items: DropItem[]) => {
    const files = await Promise.all(items.flatMap((item) => (item.kind === "text" ? [] : [readableFile(item)])));
    const text = items.find((item) => item.kind === "text");
    if (files.length > 0) onFiles(files);
    else onText((await text?.getText("text/plain")) ?? "");
  };

  return (
    <AriaDropZone className="drop-zone" aria-label={labels.dropZone} onDrop={({ items }) => void drop(items)}>
      {({ isDropTarget }) => (
        <>
          <p className="add-files">
            <FileTrigger allowsMultiple={allowsMultiple} onSelect={(files) => files && onFiles([...files])}>
              <Button className="button choose-files">{labels.choose}</Button>
            </FileTrigger>
            <span className="muted">{isDropTarget ? labels.dropNow : labels.drop}</span>
          </p>
          <PasteBox
            label={labels.paste}
            example={labels.pasteExample}
            hint={labels.pasteHint}
            button={labels.add}
            onText={onText}
          />
        </>
      )}
    </AriaDropZone>
  );
}

function readableFile(item: Exclude<DropItem, { kind: "text" }>): DroppedFile | Promise<File> {
  if (item.kind === "file") return item.getFile();
  const read = () => Promise.reject(new Error("a folder has no content"));
  return { name: item.name, text: read, arrayBuffer: read };
}
