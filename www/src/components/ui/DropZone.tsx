// Input of files or text: from a file dialog, by drag and drop, or from the clipboard.

import { Button } from "react-aria-components/Button";
import { DropZone as AriaDropZone } from "react-aria-components/DropZone";
import { FileTrigger } from "react-aria-components/FileTrigger";
import type { DropItem } from "react-aria-components/useDragAndDrop";
import { PasteBox } from "./PasteBox";

/** A file, or a folder, which cannot be read. */
export interface DroppedFile extends Pick<File, "name" | "text" | "arrayBuffer"> {
  /** The path below the folder that was given. */
  webkitRelativePath?: string;
}

/** Maximum depth of folders. */
const MAX_DEPTH = 6;

interface Props {
  onFiles: (files: DroppedFile[]) => void;
  /** Receives pasted or dropped text, which may be empty. */
  onText: (text: string) => void;
  allowsMultiple?: boolean;
  /** True if a folder stands for the files in it. */
  takesFolders?: boolean;
  labels: {
    choose: string;
    chooseFolder?: string;
    drop: string;
    dropNow: string;
    dropZone: string;
    paste: string;
    pasteExample: string;
    pasteHint: string;
    add: string;
  };
}

export function DropZone({ onFiles, onText, allowsMultiple = false, takesFolders = false, labels }: Props) {
  const drop = async (items: DropItem[]) => {
    const given = items.filter((item) => item.kind !== "text");
    const text = items.find((item) => item.kind === "text");
    const files = await Promise.all(given.map((item) => (takesFolders ? filesOf(item) : readableFile(item))));
    if (given.length > 0) onFiles(files.flat());
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
            {takesFolders && (
              <FileTrigger acceptDirectory onSelect={(files) => files && onFiles([...files])}>
                <Button className="button">{labels.chooseFolder}</Button>
              </FileTrigger>
            )}
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

/** Returns a file, or the files of a folder and of those in it. */
async function filesOf(item: Exclude<DropItem, { kind: "text" }>, folder = "", depth = 0): Promise<DroppedFile[]> {
  const path = `${folder}${item.name}`;
  if (item.kind === "file") {
    const file = await item.getFile();
    const read = { text: () => file.text(), arrayBuffer: () => file.arrayBuffer() };
    return folder === "" ? [file] : [{ name: item.name, webkitRelativePath: path, ...read }];
  }
  const files: DroppedFile[] = [];
  if (depth > MAX_DEPTH) return files;
  for await (const entry of item.getEntries()) files.push(...(await filesOf(entry, `${path}/`, depth + 1)));
  return files;
}
