// Adding certificates, from files or as text.

import { texts } from "../texts";
import { DropBox } from "./DropBox";

export interface Given {
  name: string;
  content: Uint8Array | string;
}

export function AddCertificates({ onGiven }: { onGiven: (given: Given[]) => void }) {
  const say = texts.certificates;

  const read = async (files: File[]) => {
    const given = files.map(async (file) => ({ name: file.name, content: new Uint8Array(await file.arrayBuffer()) }));
    onGiven(await Promise.all(given));
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
