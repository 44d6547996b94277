// Upload of certificates, from files or as text.

import { messages } from "../../messages";
import { type DroppedFile, DropZone } from "../ui/DropZone";

export interface UploadedFile {
  name: string;
  /** Absent if it could not be read, such as a folder. */
  content: Uint8Array | string | undefined;
}

export function CertificateUpload({ onUpload }: { onUpload: (files: UploadedFile[]) => void }) {
  const t = messages.certificates;

  const read = async (files: DroppedFile[]) => {
    // An unreadable file does not prevent reading the others.
    const contents = await Promise.allSettled(files.map((file) => file.arrayBuffer()));
    onUpload(
      contents.map((content, index) => ({
        name: files[index]!.name,
        content: content.status === "fulfilled" ? new Uint8Array(content.value) : undefined,
      })),
    );
  };

  return (
    <DropZone
      allowsMultiple
      labels={t}
      onFiles={(files) => void read(files)}
      onText={(text) => {
        if (text !== "") onUpload([{ name: t.pasted, content: text }]);
      }}
    />
  );
}
