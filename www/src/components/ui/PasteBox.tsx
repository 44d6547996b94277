// Text box that submits pasted text at once. It never shows a private key: pasted text does not enter it, and typed text
// with a key is submitted and cleared.

import { useId, useState } from "react";
import { Button } from "react-aria-components/Button";
import { Label } from "react-aria-components/Label";
import { TextArea } from "react-aria-components/TextArea";
import { TextField } from "react-aria-components/TextField";
import { containsPrivateKey } from "../../certificates/pem";

interface Props {
  label: string;
  example: string;
  hint: string;
  button: string;
  onText: (text: string) => void;
}

export function PasteBox({ label, example, hint, button, onText }: Props) {
  const [text, setText] = useState("");
  const hintId = useId();
  const submit = (submitted: string) => {
    setText("");
    if (submitted.trim() !== "") onText(submitted);
  };
  return (
    <div className="paste-box">
      <TextField
        className="text-field"
        value={text}
        onChange={(typed) => (containsPrivateKey(typed) ? submit(typed) : setText(typed))}
        aria-describedby={hintId}
      >
        <Label>{label}</Label>
        <TextArea
          rows={2}
          placeholder={example}
          autoComplete="off"
          spellCheck={false}
          onPaste={(event) => {
            event.preventDefault();
            submit(event.clipboardData.getData("text/plain"));
          }}
        />
      </TextField>
      <p className="paste-line">
        <span className="muted" id={hintId}>
          {hint}
        </span>
        <Button className="button small" isDisabled={text.trim() === ""} onPress={() => submit(text)}>
          {button}
        </Button>
      </p>
    </div>
  );
}
