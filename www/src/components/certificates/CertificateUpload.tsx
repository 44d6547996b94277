// Adding certificates, from files or as text.

import { texts } from "../../messages";
import { DropBox } from "../ui/DropZone";

export interface Given {
  name: string;
  /** Absent where it could not be read: of a folder, say. */
  content: Uint8Array | string | undefined;
}

export function AddCertificates({ onGiven }: { onGiven: (given: Given[]) => void }) {
  const say = texts.certificates;

  const read = async (files: File[]) => {
    // One that cannot be read takes none of the others with it.
    const contents = await Promise.allSettled(files.map((file) => file.arrayBuffer()));
    onGiven(
      contents.map((content, index) => ({
        name: files[index]!.name,
        content: content.status === "fulfilled" ? new Uint8Array(content.value) : undefined,
      })),
    );
  };

  return (
    <DropBox
      allowsMultiple
      say={say}
      onFiles={(files) => void read(files)}
      onText={(text) => {
        if (text !== "") onGiven([{ name: say.pasted, content: text }]);
      }}
    />
  );
}
