// Field for the daemon's bearer token. It is no field of the form: nothing stores it.

import { type FormEvent, useState } from "react";
import { Button } from "react-aria-components/Button";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { TextField } from "react-aria-components/TextField";
import { messages } from "../messages";

interface TokenFieldProps {
  token: string;
  onToken: (token: string) => void;
}

export function TokenField({ token, onToken }: TokenFieldProps) {
  const t = messages.apply;
  return (
    <TextField className="text-field token" value={token} onChange={onToken} type="password" autoComplete="off">
      <Label>{t.token}</Label>
      <Input dir="ltr" spellCheck={false} />
      <p className="muted">{t.tokenHint}</p>
    </TextField>
  );
}

export function TokenForm({ onToken }: { onToken: (token: string) => void }) {
  const [token, setToken] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (token.trim() !== "") onToken(token.trim());
  };
  return (
    <form className="token-form" onSubmit={submit}>
      <TokenField token={token} onToken={setToken} />
      <Button className="button" type="submit" isDisabled={token.trim() === ""}>
        {messages.apply.useToken}
      </Button>
    </form>
  );
}
