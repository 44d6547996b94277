// Many images at once: the images of a cluster, each decided by the form's policy, with a summary by registry.

import { type Decision, loadPolicy } from "pullgate";
import { useDeferredValue, useMemo, useRef, useState } from "react";
import { Button } from "react-aria-components/Button";
import { Label } from "react-aria-components/Label";
import { TextArea } from "react-aria-components/TextArea";
import { TextField } from "react-aria-components/TextField";
import { containsPrivateKey } from "../../certificates/pem";
import { useAllowEntries, usePolicy } from "../../form/usePolicyForm";
import { readImageList } from "../../formats/imageList";
import { messages } from "../../messages";
import { FormattedMessage } from "../ui/FormattedMessage";
import { Icon, type IconName } from "../ui/Icon";

type State = "deny" | "lookup" | "unverified" | "allow";

/** In the order of the summary: what needs something to be done comes first. */
const STATE_ICONS: Record<State, IconName> = { deny: "close", lookup: "unchecked", unverified: "warning", allow: "check" };

interface DecidedImage {
  image: string;
  count: number;
  decision: Decision;
}

interface RegistryGroup {
  state: State;
  /** Absent for references that are none. */
  registry: string | undefined;
  images: DecidedImage[];
}

export function ManyImages({ project }: { project: string | undefined }) {
  const { analysis } = usePolicy();
  const allowEntries = useAllowEntries();
  const summary = useRef<HTMLParagraphElement>(null);
  const allow = (entries: readonly string[]) => {
    allowEntries(entries);
    // The button disappears.
    summary.current?.focus();
  };
  const [text, setText] = useState("");
  const typed = useDeferredValue(text);
  const groups = useMemo(() => groupsOf(typed, analysis.text, project), [typed, analysis.text, project]);
  const t = messages.manyImages;
  const denied = (groups ?? []).flatMap(({ state, registry, images }) =>
    state === "deny" && registry !== undefined && images.some(isNotListed) ? [registry] : [],
  );
  return (
    <>
      <TextField
        className="text-field"
        value={text}
        onChange={(text) => containsPrivateKey(text) || setText(text)}
      >
        <Label>{t.label}</Label>
        <TextArea rows={5} placeholder={t.example} autoComplete="off" spellCheck={false} dir="ltr" />
        <p className="muted">
          <FormattedMessage text={t.hint} isAboutFile />
        </p>
      </TextField>
      {groups === undefined ? (
        <p className="muted">{analysis.unchecked ? messages.tryOut.unchecked : messages.tryOut.errors(analysis.errors)}</p>
      ) : (
        groups.length > 0 && (
          <div className="many">
            <p ref={summary} className="many-summary" role="status" tabIndex={-1}>
              {summaryOf(groups)}
            </p>
            {denied.length > 1 && (
              <Button className="button" onPress={() => allow(denied)}>
                {t.allowAll(denied.length)}
              </Button>
            )}
            <ul className="many-groups">
              {groups.map((group) => (
                <GroupView key={`${group.state} ${group.registry}`} group={group} onAllow={(entry) => allow([entry])} />
              ))}
            </ul>
          </div>
        )
      )}
    </>
  );
}

function GroupView({ group: { state, registry, images }, onAllow }: { group: RegistryGroup; onAllow: (entry: string) => void }) {
  const t = messages.manyImages;
  return (
    <li data-state={state}>
      <p>
        <Icon name={STATE_ICONS[state]} />
        <span>
          <strong>{messages.tryOut[state]}</strong> <bdi>{registry ?? t.noReference}</bdi>{" "}
          <span className="muted">{t.images(images.reduce((sum, { count }) => sum + count, 0))}</span>
        </span>
        {state === "deny" && registry !== undefined && images.some(isNotListed) && (
          <Button className="button small" onPress={() => onAllow(registry)}>
            {messages.tryOut.allowEntry(registry)}
          </Button>
        )}
      </p>
      <details>
        <summary>{t.which(images.length)}</summary>
        <ul>
          {images.map(({ image }) => (
            <li key={image}>
              <bdi>
                <code>{image}</code>
              </bdi>
            </li>
          ))}
        </ul>
      </details>
    </li>
  );
}

function isNotListed({ decision }: DecidedImage): boolean {
  return decision.decision === "deny" && decision.reason === "not-whitelisted";
}

/** Decides the images of a text. Returns nothing if the policy does not load. */
function groupsOf(text: string, policy: string, project: string | undefined): RegistryGroup[] | undefined {
  const images = [...readImageList(text)];
  if (images.length === 0) return [];
  const loaded = loadPolicy(policy);
  if (!loaded.ok) return undefined;
  const requests = images.map(([reference]) => ({ reference, ...(project !== undefined && { project }) }));
  const decisions = loaded.policy.decideMany(requests);
  loaded.policy.dispose();
  const groups = new Map<string, RegistryGroup>();
  for (const [index, [image, count]] of images.entries()) {
    const decision = decisions[index]!;
    const state = stateOf(decision);
    const key = `${state} ${decision.registry}`;
    const group = groups.get(key) ?? { state, registry: decision.registry, images: [] };
    group.images.push({ image, count, decision });
    groups.set(key, group);
  }
  const order = Object.keys(STATE_ICONS);
  return [...groups.values()].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
}

function stateOf(decision: Decision): State {
  if (decision.decision !== "allow") return decision.decision;
  return decision.attempts.some(({ verified }) => !verified) ? "unverified" : "allow";
}

function summaryOf(groups: readonly RegistryGroup[]): string {
  const t = messages.manyImages;
  const total = (state: State) =>
    groups.filter((group) => group.state === state).reduce((sum, { images }) => sum + images.length, 0);
  const counts = (Object.keys(STATE_ICONS) as State[]).map((state) => [state, total(state)] as const);
  return t.summary(counts.flatMap(([state, count]) => (count > 0 ? [t.states[state](count)] : [])));
}
