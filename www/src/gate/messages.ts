// The texts of the gate's panel, for translation.

import { LOCALE, plural } from "../quantities";

const DATE_TIME = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "medium" });

export const gateMessages = {
  title: "Through the gate",
  intro: "The registries that container engines asked the gate for since the daemon started, and what the policy in this form says of them.",
  list: "Registries that the gate was asked for",
  none: "Nothing went through the gate yet.",
  noAnswer: "The daemon does not answer, so this may be out of date.",
  filter: "Show",
  filters: { all: "all", refused: "refused", denied: "denied by this form" },
  noneShown: "No registry here is as chosen above.",
  allowed: (count: number) => `${plural(count, "request", "requests")} allowed`,
  refused: (count: number) => `${plural(count, "request", "requests")} refused`,
  last: (time: string) => `last ${formatTime(time)}`,
  reason: "Last refusal",
  secondHosts: "It refers to",
  states: {
    allow: "Allowed by this form",
    unverified: "Allowed by this form, not verified",
    deny: "Denied by this form",
    lookup: "Depends on DNS",
  },
  allow: "Allow this registry",
  allowRegistry: (registry: string) => `Allow this registry: ${registry}`,
  allowHost: (host: string) => `Allow ${host}`,
  allowAll: (count: number) => `Allow all ${count} that are denied`,
  shown: (shown: number, of: number) => `${shown} of ${plural(of, "registry", "registries")} shown.`,
} as const;

function formatTime(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : DATE_TIME.format(date);
}
