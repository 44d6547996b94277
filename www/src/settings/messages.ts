// The texts of exported and imported settings, for translation.

import { LIST, plural } from "../quantities";
import type { ExportedEntry, Fidelity, ImportSource, Target } from "./settings";

export const settingsMessages = {
  tabs: {
    docker: "Docker Engine",
    containerd: "containerd",
    containers: "Podman, CRI-O",
    k3s: "K3s",
    openshift: "OpenShift",
    kubernetes: "Kubernetes",
    "vic-machine": "vic-machine",
    vch: "REST JSON",
  } satisfies Record<Target, string>,
  about: {
    docker: "daemon.json and the folders of certificates. dockerd is told how registries are reached, and asks pullgate which.",
    containerd: "hosts.toml of each registry and config.toml, with pullgate as the image verifier.",
    containers: "policy.json and registries.conf for Podman, CRI-O, Skopeo and Buildah.",
    k3s: "registries.yaml for K3s and RKE2.",
    openshift: "The image configuration of a cluster, with a ConfigMap of its authorities.",
    kubernetes: "An admission policy in CEL with its binding: the API server decides by itself.",
    "vic-machine": "Options of vic-machine create, for sh and bash.",
    vch: "The registry part of a virtual container host, as the REST API takes it.",
  } satisfies Record<Target, string>,

  needsDaemon: (target: string) => `The settings for ${target} are written by pullgate’s daemon, which does not serve this page, or by this command:`,
  needsToken: (target: string) => `The daemon writes the settings for ${target} once it has its token. Without it, this command does:`,
  needsAnswer: (target: string) => `The daemon, which writes the settings for ${target}, does not answer. This command does so too:`,
  needsNewer: (target: string) => `This daemon is too old to write the settings for ${target}. This command does so:`,
  command: (target: Target) => `pullgate export --to ${target} --policy policy.toml`,

  writing: "The settings are being written…",
  failed: "The daemon did not write the settings.",
  tryAgain: "Try again",
  wider: "Nothing is written: the target would allow more than the policy.",
  refused: "The settings cannot be written.",
  allowWider: "Write them all the same",
  allowsWider: "Also what allows more than the policy is written.",
  forbidWider: "Write nothing wider",
  draft: "Settings are written for a policy without errors only. Correct them first.",
  outdated: "The policy has changed, and the settings are being written anew.",

  gate: "Lead through the gate",
  gateAddress: "Address of the gate",

  fidelity: {
    equal: "Equal: it does what the policy says.",
    narrower: "Narrower: it allows less than the policy, or verifies more.",
    wider: "Wider: it allows more than the policy.",
    "by-pullgate": "Left to pullgate: it has no word for all of the policy, and asks pullgate about each image.",
  } satisfies Record<Fidelity, string>,
  groups: {
    equal: "Equal",
    narrower: "Narrower",
    wider: "Wider",
    "by-pullgate": "pullgate decides",
  } satisfies Record<Fidelity, string>,
  entries: "What becomes of each entry",
  entryCount: (count: number) => plural(count, "entry", "entries"),
  entry: {
    whitelist: (entry: string) => entry,
    insecure: (entry: string) => `${entry} (insecure)`,
    blocked: (entry: string) => `${entry} (blocked)`,
    certificate_authorities: (index: string) => `certificate authority ${Number(index) + 1}`,
  } satisfies Record<ExportedEntry["list"], (entry: string) => string>,
  more: (count: number) => `and ${plural(count, "more", "more")}`,
  notes: "About this target",

  files: "Files",
  noFiles: "The target needs no file for this policy.",
  commandLine: "The same as a command line",
  link: (path: string, to: string) => `ln -s ${to} ${path}`,
  linkAbout: "A symbolic link:",
  copyFile: (path: string) => `Copy ${path}`,
  downloadFile: (path: string) => `Download ${path}`,
  copyCommand: "Copy the command",
  merge: "Merge into one that is there…",
  mergeInto: (path: string) => `Merge into one that is there… (${path})`,
  merged: "Merged: what is not pullgate’s in the file that you gave stays.",
  unmerge: "Write it alone again",
  unread: (name: string) => `${name} could not be read.`,
  keyInside: (name: string) => `${name} has a private key in it, and was not taken.`,

  /** What was opened. */
  sources: {
    docker: "settings of Docker Engine",
    containerd: "settings of containerd",
    containers: "settings of Podman, CRI-O and Skopeo",
    k3s: "settings of K3s",
    openshift: "settings of OpenShift",
    kubernetes: "an admission policy of Kubernetes",
    "vic-machine": "options of vic-machine",
    vch: "a virtual container host",
    list: "a list of registries",
    "docker-desktop": "Docker Desktop’s registry access",
  } satisfies Record<ImportSource, string>,
  imported: (source: string, files: string[]) =>
    files.length > 0 && files.length <= 3
      ? `Opened as a policy: ${source}, from ${LIST.format(files)}.`
      : `Opened as a policy: ${source}.`,
  leftOut: (count: number) =>
    `${plural(count, "part of them is", "parts of them are")} not in the policy, and to be decided by hand:`,
  downloadOrigins: "Download it with the origin of each line",
  origin: (file: string, line: number | undefined) => (line === undefined ? file : `${file}, line ${line}`),
  pasted: "pasted text",
  reading: "The daemon reads the settings…",
  importNeedsDaemon:
    "Other programs’ settings are read by pullgate’s daemon, which does not serve this page, or by `pullgate import --from docker FILE…`, whose output opens here.",
  importNeedsToken: "Other programs’ settings are read by the daemon once it has its token, or by `pullgate import --from docker FILE…`.",
  importNeedsAnswer: "Other programs’ settings are read by the daemon, which does not answer now, or by `pullgate import --from docker FILE…`.",
  importNeedsNewer: "This daemon is too old to read other programs’ settings: `pullgate import --from docker FILE…` reads them.",
  importFailed: "the daemon did not read them: try again",
  keysLeftOut: (names: string[]) => `Not sent to the daemon, since there is a private key in it: ${names.join(", ")}`,
  tooMany: (max: number) => `there are over ${max} files: open the ones that the program reads`,
  emptyFolder: "there is no file in it",
} as const;
