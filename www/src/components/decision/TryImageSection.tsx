// *Try an image*: the decision of the form's current policy on a reference.

import type { DnsAnswer } from "pullgate";
import { memo, useEffect, useRef } from "react";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { Radio, RadioGroup } from "react-aria-components/RadioGroup";
import { Switch } from "react-aria-components/Switch";
import { TextField } from "react-aria-components/TextField";
import { announceSettled } from "../../announce";
import { containsPrivateKey } from "../../certificates/pem";
import type { DaemonInfo } from "../../daemon/daemon";
import { projectOf } from "../../form/document";
import { usePolicy } from "../../form/usePolicyForm";
import { messages } from "../../messages";
import { FormattedMessage } from "../ui/FormattedMessage";
import { Section } from "../ui/Section";
import { ConnectionTest } from "./ConnectionTest";
import { DecisionView, headlineOf } from "./DecisionView";
import { DnsAnswers } from "./DnsAnswers";
import { ManyImages } from "./ManyImages";
import { ProjectSelect } from "./ProjectSelect";
import type { DecisionResult, TryImageValues } from "./useDecision";

interface Props {
  values: TryImageValues;
  onChange: (values: TryImageValues) => void;
  result: DecisionResult;
  daemon: DaemonInfo | undefined;
}

export const TryImageSection = memo(function TryImageSection({ values, onChange, result: { explanation, status, daemonError }, daemon }: Props) {
  const { analysis } = usePolicy();
  const change = (part: Partial<TryImageValues>) => onChange({ ...values, ...part });
  const t = messages.tryOut;
  const project = projectOf(analysis.document, values.project);
  // A daemon may have no DNS, and typed answers stay visible as long as they have an effect.
  const byHand = status !== "daemon" || explanation?.decision === "lookup" || values.dnsAnswers.length > 0;
  const reference = useRef<HTMLInputElement>(null);
  const tried = useRef(false);
  tried.current ||= values.reference !== "";

  const headline = explanation && headlineOf(explanation);
  useEffect(() => {
    return headline && tried.current ? announceSettled("decision", headline) : undefined;
  }, [headline, values.reference]);

  const setDnsAnswers = (dnsAnswers: DnsAnswer[]) => {
    change({ dnsAnswers });
    // The answered field disappears: focuses the next query, or else the reference.
    requestAnimationFrame(() => {
      const next = document.querySelector<HTMLElement>(".try .dns-query input") ?? reference.current;
      next?.focus();
    });
  };
  const answered = (dnsAnswer: DnsAnswer) => {
    const { kind, subject } = dnsAnswer;
    const others = values.dnsAnswers.filter((other) => other.kind !== kind || other.subject !== subject);
    setDnsAnswers([...others, dnsAnswer]);
  };

  const oneImage = () => (
    <>
      <TextField
        className="text-field"
        value={values.reference}
        onChange={(reference) => containsPrivateKey(reference) || change({ reference })}
      >
        <Label>{t.reference}</Label>
        <Input
          ref={reference}
          placeholder={t.referenceExample}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          dir="ltr"
        />
      </TextField>
      {daemon && (
        <Switch className="switch small" isSelected={values.askDaemon} onChange={(askDaemon) => change({ askDaemon })}>
          <span className="switch-track" aria-hidden="true" />
          {t.daemon}
        </Switch>
      )}
      {status === "failed" && (
        <p className="notice" data-severity="warning">
          <span>
            <FormattedMessage text={daemonError === undefined ? t.daemonFailed : t.daemonRefused(daemonError)} />
          </span>
        </p>
      )}
      {explanation && analysis.ignoresCertificates && (
        <p className="notice" data-severity="warning">
          {t.certificatesIgnored}
        </p>
      )}
      {explanation ? (
        <DecisionView explanation={explanation}>
          {byHand && (
            <DnsAnswers
              queries={explanation.decision === "lookup" ? explanation.queries : []}
              dnsAnswers={values.dnsAnswers}
              onAnswer={answered}
              onForget={(dnsAnswer) => setDnsAnswers(values.dnsAnswers.filter((other) => other !== dnsAnswer))}
            />
          )}
        </DecisionView>
      ) : (
        <p className="muted">{waitingFor()}</p>
      )}
      {daemon && explanation?.registry && (
        <ConnectionTest
          // A report belongs to one policy: the key discards it with the policy.
          key={JSON.stringify([explanation.registry, project, analysis.text])}
          registry={explanation.registry}
          {...(project !== undefined && { project })}
          policy={analysis.document}
        />
      )}
    </>
  );

  return (
    <Section title={t.title} intro={t.intro} className="try">
      <RadioGroup
        className="segments"
        aria-label={t.kind}
        orientation="horizontal"
        value={values.kind}
        onChange={(kind) => change({ kind: kind as TryImageValues["kind"] })}
      >
        <Radio className="segment" value="image">
          {t.image}
        </Radio>
        <Radio className="segment" value="registry">
          {t.login}
        </Radio>
        <Radio className="segment" value="many">
          {t.many}
        </Radio>
      </RadioGroup>
      <ProjectSelect project={values.project} onProject={(project) => change({ project })} />
      {values.kind === "many" ? <ManyImages project={project} /> : oneImage()}
    </Section>
  );

  function waitingFor(): string {
    if (analysis.unchecked) return t.unchecked;
    if (analysis.canonical === undefined) return t.errors(analysis.errors);
    if (status === "loading") return t.asking;
    // Without an explanation the module failed.
    return status === "idle" ? t.waiting : t.unchecked;
  }
});
