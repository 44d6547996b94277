// Text field of an entry, bound to the form.

import { useRef, useState } from "react";
import { useController, useFormContext } from "react-hook-form";
import { Label } from "react-aria-components/Label";
import { TextField } from "react-aria-components/TextField";
import { announce } from "../../announce";
import { containsPrivateKey } from "../../certificates/pem";
import type { FormValues } from "../../form/values";
import { messages } from "../../messages";
import { MarkedInput, type TextMark } from "./MarkedInput";

type FieldName = `rows.${number}.entry` | `rows.${number}.port` | `authorities.${number}.registries.${number}.entry`;

interface Props {
  name: FieldName;
  label: string;
  example: string;
  marks: readonly TextMark[];
  isInvalid: boolean;
  describedBy: string | undefined;
  className?: string;
  /** Receives the lines of a pasted text of several lines. */
  onLines?: (lines: string[]) => void;
  onEnter?: () => void;
}

export function EntryInput({ name, label, example, marks, isInvalid, describedBy, className, onLines, onEnter }: Props) {
  const { control } = useFormContext<FormValues>();
  const { field } = useController({ control, name });
  const input = useRef<HTMLInputElement>(null);
  const value = field.value ?? "";

  const [keyRefused, setKeyRefused] = useState(false);
  const refuse = () => {
    setKeyRefused(true);
    announce(messages.registries.keyRefused);
  };
  const change = (text: string) => {
    if (containsPrivateKey(text)) return refuse();
    setKeyRefused(false);
    field.onChange(text);
  };
  const paste = (event: React.ClipboardEvent) => {
    const text = event.clipboardData.getData("text/plain");
    const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
    if (containsPrivateKey(text)) {
      event.preventDefault();
      refuse();
    } else if (onLines && lines.length > 1) {
      event.preventDefault();
      onLines(lines);
    }
  };

  return (
    <TextField
      className={`text-field ${className ?? ""}`}
      value={value}
      onChange={change}
      onBlur={field.onBlur}
      isInvalid={isInvalid}
      validationBehavior="aria"
      {...(describedBy !== undefined && { "aria-describedby": describedBy })}
    >
      <Label className="visually-hidden">{label}</Label>
      <MarkedInput
        inputRef={input}
        text={value}
        marks={marks}
        placeholder={example}
        onPaste={paste}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.nativeEvent.isComposing || !onEnter) return;
          event.preventDefault();
          onEnter();
        }}
      />
      {keyRefused && <p className="key-refused">{messages.registries.keyRefused}</p>}
    </TextField>
  );
}
