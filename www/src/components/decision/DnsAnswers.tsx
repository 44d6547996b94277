// Form for DNS answers: the open questions of the decision, and the answers given so far.

import type { Fact, Question } from "pullgate";
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
  questions: readonly Question[];
  facts: readonly Fact[];
  onAnswer: (fact: Fact) => void;
  onForget: (fact: Fact) => void;
}

export function DnsAnswers({ questions, facts, onAnswer, onForget }: Props) {
  if (questions.length === 0 && facts.length === 0) return null;
  const t = messages.tryOut;
  return (
    <div className="dns">
      <h3>{t.dnsTitle}</h3>
      {questions.length > 0 && <p className="muted">{t.dnsIntro}</p>}
      {questions.map((question) => (
        <QuestionForm key={labelOf(question)} question={question} onAnswer={onAnswer} />
      ))}
      {facts.length > 0 && (
        <ul className="facts">
          {facts.map((fact) => (
            <li key={labelOf(fact)}>
              <span>
                {labelOf(fact)}: <bdi>{fact.answers.join(", ") || t.none}</bdi>
              </span>
              <Button
                className="button icon-only quiet"
                aria-label={t.forget(labelOf(fact))}
                onPress={() => onForget(fact)}
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

function QuestionForm({ question, onAnswer }: { question: Question; onAnswer: (fact: Fact) => void }) {
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
    if (answers.length > 0) onAnswer({ ...question, answers });
  };
  return (
    <form className="question" onSubmit={submit}>
      <TextField className="text-field" value={typed} onChange={change}>
        <Label>{labelOf(question)}</Label>
        <Input
          placeholder={question.kind === "names-of" ? t.namesExample : t.addressesExample}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
        />
        {keyRefused && <p className="key-refused">{messages.registries.keyRefused}</p>}
      </TextField>
      <div className="question-buttons">
        <Button className="button" type="submit" isDisabled={answers.length === 0}>
          {t.use}
        </Button>
        <Button className="button quiet" onPress={() => onAnswer({ ...question, answers: [] })}>
          {t.noAnswer}
        </Button>
      </div>
    </form>
  );
}

function labelOf({ kind, subject }: Question): string {
  return kind === "names-of" ? messages.tryOut.namesOf(subject) : messages.tryOut.addressesOf(subject);
}
