// What went through the gate lately, allowed and refused, with buttons that allow it.

import { type Decision, loadPolicy } from "pullgate";
import { memo, useId, useMemo, useRef, useState } from "react";
import { Button } from "react-aria-components/Button";
import { FormattedMessage } from "../components/ui/FormattedMessage";
import { Icon, type IconName } from "../components/ui/Icon";
import { Section } from "../components/ui/Section";
import { useAllowEntries, usePolicy } from "../form/usePolicyForm";
import type { RecentRegistry } from "./gate";
import { gateMessages as t } from "./messages";
import { useGate } from "./useGate";
import "./gate.css";

/** What the policy of the form says of a registry. */
type State = keyof typeof t.states;

const STATE_ICONS: Record<State, IconName> = { deny: "close", lookup: "unchecked", unverified: "warning", allow: "check" };

/** A host with its decision. */
interface DecidedHost {
  host: string;
  /** Absent if the policy of the form has errors. */
  state: State | undefined;
  /** True if an entry for it would allow it. */
  isAllowable: boolean;
}

/** The number of registries that are shown. */
const SHOWN_REGISTRIES = 50;

export const GateSection = memo(function GateSection() {
  const { analysis } = usePolicy();
  const allow = useAllowEntries();
  const [isHeld, setIsHeld] = useState(false);
  const [filter, setFilter] = useState<keyof typeof t.filters>("all");
  const filterId = useId();
  const list = useRef<HTMLUListElement>(null);
  const { registries, isCurrent } = useGate(isHeld);
  const hosts = useMemo(() => decidedHosts(registries ?? [], analysis.text), [registries, analysis.text]);
  const isShown = ({ registry, refused, secondHosts }: RecentRegistry) =>
    filter === "all" ||
    (filter === "refused" ? refused > 0 : [registry, ...secondHosts].some((host) => hosts.get(host)?.state === "deny"));
  const matching = (registries ?? []).filter(isShown);
  const shown = matching.slice(0, SHOWN_REGISTRIES);
  const denied = [...hosts.values()].filter(({ isAllowable }) => isAllowable).map(({ host }) => host);
  return (
    <Section title={t.title} intro={t.intro} className="gate">
      {!isCurrent && (
        <p className="notice" data-severity="warning" role="status">
          {t.noAnswer}
        </p>
      )}
      {registries?.length === 0 && <p className="muted">{t.none}</p>}
      {registries !== undefined && registries.length > 0 && (
        <>
          <div className="gate-tools">
            <div className="text-field">
              <label htmlFor={filterId}>{t.filter}</label>
              <select id={filterId} value={filter} onChange={({ target }) => setFilter(target.value as typeof filter)}>
                {Object.entries(t.filters).map(([name, label]) => (
                  <option key={name} value={name}>
                    {label}
                  </option>
                ))}
              </select>
            </div>
            {denied.length > 1 && (
              <Button
                className="button"
                onPress={() => {
                  allow(denied);
                  list.current?.focus();
                }}
              >
                {t.allowAll(denied.length)}
              </Button>
            )}
          </div>
          <ul
            ref={list}
            tabIndex={-1}
            className="gate-list"
            aria-label={t.list}
            onPointerEnter={() => setIsHeld(true)}
            onPointerLeave={() => setIsHeld(false)}
            onFocus={() => setIsHeld(true)}
            onBlur={() => setIsHeld(false)}
          >
            {shown.map((recent) => (
              <RecentRegistryView key={recent.registry} recent={recent} hosts={hosts} onAllow={allow} />
            ))}
          </ul>
          {shown.length === 0 && <p className="muted">{t.noneShown}</p>}
          {matching.length > shown.length && <p className="muted">{t.shown(shown.length, matching.length)}</p>}
        </>
      )}
    </Section>
  );
});

interface RecentRegistryProps {
  recent: RecentRegistry;
  hosts: ReadonlyMap<string, DecidedHost>;
  onAllow: (hosts: readonly string[]) => void;
}

function RecentRegistryView({ recent, hosts, onAllow }: RecentRegistryProps) {
  const { registry, allowed, refused, last, reason, secondHosts } = recent;
  const decided = hosts.get(registry);
  const item = useRef<HTMLLIElement>(null);
  const allow = (host: string) => {
    onAllow([host]);
    // The button disappears.
    item.current?.focus();
  };
  return (
    <li ref={item} tabIndex={-1} data-registry={registry}>
      <div className="gate-line">
        <strong>
          <bdi>{registry}</bdi>
        </strong>
        <HostState decided={decided} />
        {decided?.isAllowable && (
          <Button className="button small" aria-label={t.allowRegistry(registry)} onPress={() => allow(registry)}>
            {t.allow}
          </Button>
        )}
      </div>
      <p className="muted gate-counts">
        {allowed > 0 && <span>{t.allowed(allowed)}</span>}
        {refused > 0 && <span className="gate-refused">{t.refused(refused)}</span>}
        {last !== "" && <span>{t.last(last)}</span>}
      </p>
      {refused > 0 && reason !== undefined && (
        <p className="gate-reason">
          {t.reason}: <FormattedMessage text={reason} />
        </p>
      )}
      {secondHosts.length > 0 && (
        <div className="gate-second">
          <p className="muted">{t.secondHosts}</p>
          <ul>
            {secondHosts.map((host) => (
              <li key={host} className="gate-line">
                <bdi>{host}</bdi>
                <HostState decided={hosts.get(host)} />
                {hosts.get(host)?.isAllowable && (
                  <Button className="button small" onPress={() => allow(host)}>
                    {t.allowHost(host)}
                  </Button>
                )}
              </li>
            ))}
          </ul>
        </div>
      )}
    </li>
  );
}

function HostState({ decided }: { decided: DecidedHost | undefined }) {
  const state = decided?.state;
  return (
    state !== undefined && (
      <span className="gate-state" data-state={state}>
        <Icon name={STATE_ICONS[state]} />
        {t.states[state]}
      </span>
    )
  );
}

/** Decides the registries and the hosts that they refer to by a policy, given as JSON. */
function decidedHosts(registries: readonly RecentRegistry[], policy: string): Map<string, DecidedHost> {
  const hosts = [...new Set(registries.flatMap(({ registry, secondHosts }) => [registry, ...secondHosts]))];
  const loaded = hosts.length > 0 ? loadPolicy(policy) : undefined;
  if (!loaded?.ok) return new Map();
  const decisions = loaded.policy.decideMany(hosts.map((reference) => ({ reference, kind: "registry" as const })));
  loaded.policy.dispose();
  return new Map(hosts.map((host, index) => [host, { host, ...stateOf(decisions[index]!) }]));
}

function stateOf(decision: Decision): Omit<DecidedHost, "host"> {
  switch (decision.decision) {
    case "deny":
      return { state: "deny", isAllowable: decision.reason === "not-whitelisted" };
    case "lookup":
      return { state: "lookup", isAllowable: false };
    case "allow": {
      const isVerified = decision.attempts.every(({ verified }) => verified);
      return { state: isVerified ? "allow" : "unverified", isAllowable: false };
    }
  }
}
