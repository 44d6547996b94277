// *Try an image*: what the policy, as it stands in the form, says of a reference.

import type { Fact } from "pullgate";
import { useEffect, useRef } from "react";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { Radio, RadioGroup } from "react-aria-components/RadioGroup";
import { Switch } from "react-aria-components/Switch";
import { TextField } from "react-aria-components/TextField";
import { announce } from "../../announce";
import { holdsKey } from "../../certificates/pem";
import type { Daemon } from "../../daemon/daemon";
import { projectOf } from "../../form/document";
import { usePolicy } from "../../form/usePolicyForm";
import { texts } from "../../messages";
import { DecisionView, headlineOf } from "./DecisionView";
import { DnsAnswers } from "./DnsAnswers";
import { Message } from "../ui/FormattedMessage";
import { ProjectChoice } from "./ProjectSelect";
import { Section } from "../ui/Section";
import { TestConnection } from "./ConnectionTest";
import type { Answer, Question } from "./useDecision";

interface Props {
  question: Question;
  onQuestion: (question: Question) => void;
  answer: Answer;
  daemon: Daemon | undefined;
}

export function TryImage({ question, onQuestion, answer: { explanation, state, refusal }, daemon }: Props) {
  const { analysis } = usePolicy();
  const change = (part: Partial<Question>) => onQuestion({ ...question, ...part });
  const say = texts.tryOut;
  const project = projectOf(analysis.document, question.project);
  // A daemon may have no DNS, and what was typed for it is to be seen wherever it counts.
  const byHand = state !== "there" || explanation?.decision === "lookup" || question.facts.length > 0;
  const reference = useRef<HTMLInputElement>(null);
  const tried = useRef(false);
  tried.current ||= question.reference !== "";

  const headline = explanation && headlineOf(explanation);
  useEffect(() => {
    return headline && tried.current ? announce(headline, 500) : undefined;
  }, [headline, question.reference]);

  const setFacts = (facts: Fact[]) => {
    change({ facts });
    // The field that was answered goes: on to the next question, or back to the reference.
    requestAnimationFrame(() => {
      const next = document.querySelector<HTMLElement>(".try .question input") ?? reference.current;
      next?.focus();
    });
  };
  const answered = (fact: Fact) => {
    const others = question.facts.filter(({ kind, subject }) => kind !== fact.kind || subject !== fact.subject);
    setFacts([...others, fact]);
  };

  return (
    <Section title={say.title} intro={say.intro} className="try">
      <RadioGroup
        className="segments"
        aria-label={say.kind}
        orientation="horizontal"
        value={question.kind}
        onChange={(kind) => change({ kind: kind as Question["kind"] })}
      >
        <Radio className="segment" value="image">
          {say.image}
        </Radio>
        <Radio className="segment" value="registry">
          {say.login}
        </Radio>
      </RadioGroup>
      <TextField
        className="text-field"
        value={question.reference}
        onChange={(reference) => holdsKey(reference) || change({ reference })}
      >
        <Label>{say.reference}</Label>
        <Input
          ref={reference}
          placeholder={say.referenceExample}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          dir="ltr"
        />
      </TextField>
      <ProjectChoice project={question.project} onProject={(project) => change({ project })} />
      {daemon && (
        <Switch className="switch small" isSelected={question.there} onChange={(there) => change({ there })}>
          <span className="switch-track" aria-hidden="true" />
          {say.daemon}
        </Switch>
      )}
      {state === "failed" && (
        <p className="notice" data-weight="warning">
          <span>
            <Message text={refusal === undefined ? say.daemonFailed : say.daemonRefused(refusal)} />
          </span>
        </p>
      )}
      {explanation ? (
        <DecisionView explanation={explanation}>
          {byHand && (
            <DnsAnswers
              questions={explanation.decision === "lookup" ? explanation.questions : []}
              facts={question.facts}
              onAnswer={answered}
              onForget={(fact) => setFacts(question.facts.filter((other) => other !== fact))}
            />
          )}
        </DecisionView>
      ) : (
        <p className="muted">{waitingFor()}</p>
      )}
      {daemon && explanation?.registry && (
        <TestConnection
          // A report is about one policy, and goes with it.
          key={JSON.stringify([explanation.registry, project, analysis.text])}
          registry={explanation.registry}
          {...(project !== undefined && { project })}
          policy={analysis.document}
        />
      )}
    </Section>
  );

  function waitingFor(): string {
    if (analysis.unchecked) return say.unchecked;
    if (analysis.errors > 0) return say.errors(analysis.errors);
    if (state === "asking") return say.asking;
    // Asked and not answered: the module failed.
    return state === "none" ? say.waiting : say.unchecked;
  }
}
