// The host that the policy is for: the one that serves the page, or the wizard of virtual container hosts.

import { useId } from "react";
import type { DaemonInfo } from "../daemon/daemon";
import { messages } from "../messages";

/** `pullgate` stands for any host that runs the daemon. */
export type HostKind = "docker" | "containerd" | "kubernetes" | "pullgate" | "vic";

/** Returns the kind of the host that serves the page: that of its first frontend. Without a daemon it is the wizard. */
export function hostOf(daemon: DaemonInfo | undefined): HostKind {
  if (daemon === undefined) return "vic";
  return (["kubernetes", "docker", "containerd"] as const).find((kind) => daemon.frontends.includes(kind)) ?? "pullgate";
}

interface Props {
  host: HostKind;
  onHost: (host: HostKind) => void;
}

export function HostSelect({ host, onHost }: Props) {
  const id = useId();
  const t = messages.hosts;
  return (
    <p className="host-select">
      <label htmlFor={id}>{t.label}</label>
      <select id={id} value={host} onChange={({ target }) => onHost(target.value as HostKind)}>
        {(Object.keys(t.names) as HostKind[]).map((kind) => (
          <option key={kind} value={kind}>
            {t.names[kind]}
          </option>
        ))}
      </select>
    </p>
  );
}
