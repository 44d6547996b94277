// Text field of an entry. It takes no private key.

import { useState } from "react";
import { Label } from "react-aria-components/Label";
import { TextField } from "react-aria-components/TextField";
import { announce } from "../../announce";
import { containsPrivateKey } from "../../certificates/pem";
import { splitList } from "../../form/splitList";
import { messages } from "../../messages";
import { MarkedInput, type TextMark } from "./MarkedInput";

interface Props {
  value: string;
  onChange: (text: string) => void;
  label: string;
  example: string;
  marks: readonly TextMark[];
  isInvalid: boolean;
  describedBy: string | undefined;
  className?: string;
  /** Receives a pasted text of several entries. */
  onLines?: (text: string) => void;
  onKeyDown?: (event: React.KeyboardEvent) => void;
}

export function EntryInput(props: Props) {
  const { value, onChange, label, example, marks, isInvalid, describedBy, className, onLines, onKeyDown } = props;
  const [keyRefused, setKeyRefused] = useState(false);
  const refuse = () => {
    setKeyRefused(true);
    announce(messages.registries.keyRefused);
  };
  const change = (text: string) => {
    if (containsPrivateKey(text)) return refuse();
    setKeyRefused(false);
    onChange(text);
  };
  const paste = (event: React.ClipboardEvent) => {
    const text = event.clipboardData.getData("text/plain");
    if (containsPrivateKey(text)) {
      event.preventDefault();
      refuse();
    } else if (onLines && (/[\r\n]/.test(text.trim()) || splitList(text).length > 1)) {
      event.preventDefault();
      onLines(text);
    }
  };

  return (
    <TextField
      className={`text-field ${className ?? ""}`}
      value={value}
      onChange={change}
      isInvalid={isInvalid}
      validationBehavior="aria"
      {...(describedBy !== undefined && { "aria-describedby": describedBy })}
    >
      <Label className="visually-hidden">{label}</Label>
      <MarkedInput
        text={value}
        marks={marks}
        placeholder={example}
        onPaste={paste}
        onKeyDown={(event) => {
          if (!event.nativeEvent.isComposing) onKeyDown?.(event);
        }}
      />
      {keyRefused && <p className="key-refused">{messages.registries.keyRefused}</p>}
    </TextField>
  );
}
