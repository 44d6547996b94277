// Form for DNS answers: the open queries of the decision, and the answers given so far.

import type { DnsAnswer, DnsQuery } from "pullgate";
import { type FormEvent, useState } from "react";
import { Button } from "react-aria-components/Button";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { TextField } from "react-aria-components/TextField";
import { announce } from "../../announce";
import { containsPrivateKey } from "../../certificates/pem";
import { messages } from "../../messages";
import { Icon } from "../ui/Icon";

interface Props {
  queries: readonly DnsQuery[];
  dnsAnswers: readonly DnsAnswer[];
  onAnswer: (dnsAnswer: DnsAnswer) => void;
  onForget: (dnsAnswer: DnsAnswer) => void;
}

export function DnsAnswers({ queries, dnsAnswers, onAnswer, onForget }: Props) {
  if (queries.length === 0 && dnsAnswers.length === 0) return null;
  const t = messages.tryOut;
  return (
    <div className="dns">
      <h3>{t.dnsTitle}</h3>
      {queries.length > 0 && <p className="muted">{t.dnsIntro}</p>}
      {queries.map((query) => (
        <DnsQueryForm key={labelOf(query)} query={query} onAnswer={onAnswer} />
      ))}
      {dnsAnswers.length > 0 && (
        <ul className="dns-answers">
          {dnsAnswers.map((dnsAnswer) => (
            <li key={labelOf(dnsAnswer)}>
              <span>
                {labelOf(dnsAnswer)}: <bdi>{dnsAnswer.answers.join(", ") || t.none}</bdi>
              </span>
              <Button
                className="button icon-only quiet"
                aria-label={t.forget(labelOf(dnsAnswer))}
                onPress={() => onForget(dnsAnswer)}
              >
                <Icon name="close" />
              </Button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function DnsQueryForm({ query, onAnswer }: { query: DnsQuery; onAnswer: (dnsAnswer: DnsAnswer) => void }) {
  const [typed, setTyped] = useState("");
  const [keyRefused, setKeyRefused] = useState(false);
  const change = (text: string) => {
    const isKey = containsPrivateKey(text);
    setKeyRefused(isKey);
    if (isKey) announce(messages.registries.keyRefused);
    else setTyped(text);
  };
  const t = messages.tryOut;
  const answers = typed.split(/[\s,;]+/).filter((answer) => answer !== "");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (answers.length > 0) onAnswer({ ...query, answers });
  };
  return (
    <form className="dns-query" onSubmit={submit}>
      <TextField className="text-field" value={typed} onChange={change}>
        <Label>{labelOf(query)}</Label>
        <Input
          placeholder={query.kind === "reverse" ? t.namesExample : t.addressesExample}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
        />
        {keyRefused && <p className="key-refused">{messages.registries.keyRefused}</p>}
      </TextField>
      <div className="dns-query-buttons">
        <Button className="button" type="submit" isDisabled={answers.length === 0}>
          {t.use}
        </Button>
        <Button className="button quiet" onPress={() => onAnswer({ ...query, answers: [] })}>
          {t.noAnswer}
        </Button>
      </div>
    </form>
  );
}

function labelOf({ kind, subject }: DnsQuery): string {
  return kind === "reverse" ? messages.tryOut.namesOf(subject) : messages.tryOut.addressesOf(subject);
}
