// The types of the package. They are held against what the module answers to every case of tests/vectors.

/// <reference lib="esnext.disposable" />

import type { FindingCode } from "./codes.d.ts";

export type { FindingCode };

/**
 * Where the module may come from: its bytes, a `WebAssembly.Module`, a URL (or one as a string) or a `Response`; or a
 * promise of one. Types do not tell a `WebAssembly.Module` from any other object.
 */
export type ModuleSource = string | object;

/**
 * Loads the module. In a browser this comes first, once; everything else is synchronous from then on. Without `source` the
 * module is fetched from beside the package. In Node, Deno, Bun and workerd, and from `pullgate/inline`, all is ready
 * without it. Once there is a module, nothing happens.
 */
export function ready(source?: ModuleSource): Promise<void>;

/** How much a finding weighs: an error refuses the input, a warning accepts what is probably not meant. */
export type Severity = "error" | "warning" | "info";

/** A stretch of the checked text, end excluded. Offsets count from 0. */
export interface TextRange {
  /** First byte, in UTF-8. */
  start: number;
  /** One past the last byte, in UTF-8. */
  end: number;
  /** First code unit, as JavaScript counts. */
  startUtf16: number;
  /** One past the last code unit. */
  endUtf16: number;
}

/** One thing said about an input. */
export interface Finding {
  /**
   * What it is: match on this, never on messages. `"internal"` says that the input could not be checked, by no fault of
   * its own: it is neither valid nor wrong.
   */
  code: FindingCode | "internal";
  /** How much it weighs. One code always has one severity. */
  severity: Severity;
  /** Where in a policy document, as a JSON Pointer (RFC 6901); absent for a lone entry. */
  path?: string;
  /** Where in the checked text; absent where the text has no such place. Of an object, the text is `JSON.stringify`'s. */
  range?: TextRange;
  /** What is wrong, for a person: lower case, no final full stop. Never holds a password. */
  message: string;
  /** What to write in place of the range; absent where nothing can be proposed. */
  fix?: string;
}

/** A list of the policy document. */
export type EntryList = "whitelist" | "insecure" | "built-in";

/** What was found in one entry. */
export interface EntryReport {
  /** What was checked. */
  text: string;
  /** The entry in its canonical form; absent when there is an error. */
  entry?: string;
  /** What the entry names; absent when there is an error. */
  kind?: "address" | "network" | "name" | "wildcard";
  /** Findings, in the order of the text. */
  findings: Finding[];
}

/** Checks one entry as an element of the given list. */
export function checkEntry(text: string, list: EntryList): EntryReport;

/** A certificate for people (RFC 5280), and what is wrong with it as a certificate authority. */
export interface Certificate {
  /** The subject as RFC 4514 writes it, the most specific part first; may be empty. */
  subject: string;
  /** The issuer, likewise. */
  issuer: string;
  /** The serial number in lower-case hexadecimal, two digits an octet; with a minus sign where it is negative. */
  serial: string;
  /** The first second at which it is valid: `2026-11-21T00:00:00Z`. */
  notBefore: string;
  /** The last second at which it is valid. */
  notAfter: string;
  /** Its public key: the algorithm's name or object identifier, with the size of an RSA or DSA key, or an EC key's curve. */
  key: { algorithm: string; bits?: number; curve?: string };
  /** What it is signed with: OpenSSL's name, or an object identifier. */
  signatureAlgorithm: string;
  /** The SHA-256 of its DER, in lower-case hexadecimal. */
  sha256: string;
  /** The SHA-1 of its DER, in lower-case hexadecimal: for finding it in older programs, not for trusting it. */
  sha1: string;
  /** Whether its basic constraints say that it is a CA. */
  isCa: boolean;
  /** How many intermediates may stand below it; absent where there is no limit. */
  pathLength?: number;
  /** What its key may be used for: names of RFC 5280, section 4.2.1.3. */
  keyUsage: string[];
  /** What it is for: names of RFC 5280, section 4.2.1.12, or object identifiers. */
  extendedKeyUsage: string[];
  /** Its other names, each with its kind: `DNS:a.example.com`, `IP:10.0.0.1`. */
  subjectAltNames: string[];
  /** The identifier of its key, in lower-case hexadecimal. */
  subjectKeyId?: string;
  /** The identifier of its issuer's key, in lower-case hexadecimal. */
  authorityKeyId?: string;
  /** Whether issuer and subject are equal and the key identifiers do not disagree. The signature is not looked at. */
  selfSigned: boolean;
  /** The line on which its block begins, from 1. */
  line: number;
  /** What there is to say of it. */
  findings: Finding[];
}

/** What was found in a bundle of certificates. */
export interface CertificateReport {
  /** The certificates that could be read, in the order of the text. */
  certificates: Certificate[];
  /** What there is to say of everything else in the text, in its order. */
  findings: Finding[];
}

/**
 * Checks certificates given as PEM: a string, or a file's bytes, whatever they hold. `at` is the time, in seconds since
 * 1970-01-01 UTC; now, where it is left out.
 */
export function checkCertificates(pem: string | Uint8Array, at?: number): CertificateReport;

/** An element of a list of the policy document. */
export type PolicyEntry = string | { entry: string; enabled?: boolean; comment?: string };

/** A certificate authority of the policy document, perhaps limited to registries. */
export interface PolicyAuthority {
  pem: string;
  registries?: PolicyEntry[];
}

/** The lists of a project. */
export interface PolicyProject {
  whitelist?: PolicyEntry[];
  insecure?: PolicyEntry[];
  certificate_authorities?: PolicyAuthority[];
}

/** A policy document. */
export interface PolicyDocument extends PolicyProject {
  built_in?: PolicyEntry[];
  match_resolved_addresses?: boolean;
  projects?: Record<string, PolicyProject>;
  /** Kept, and without a say. */
  image_fetch_proxy?: unknown;
}

/** What was found in a policy document. */
export interface PolicyReport {
  /** The document in its canonical form, as JSON; absent when there is an error. */
  canonical?: string;
  /** Findings, in document order. */
  findings: Finding[];
}

/** Checks a whole policy document, as JSON text or as an object. `at` as for certificates. */
export function checkPolicy(document: string | PolicyDocument, at?: number): PolicyReport;

/** The answer to a question for DNS. */
export interface Fact extends Question {
  /** Names or addresses; empty where there are none or none could be had. */
  answers: string[];
}

/** A question for DNS: the names of an address, or the addresses of a name. */
export interface Question {
  kind: "names-of" | "addresses-of";
  subject: string;
}

/** What is asked; a string is the reference of an image. */
export interface Request {
  /** The reference, as it was typed. */
  reference: string;
  /** An image as `docker pull` takes it, which is what is meant without a word, or a registry as `docker login` takes it. */
  kind?: "image" | "registry";
  /** The project on whose behalf. */
  project?: string;
  /** DNS answers, if any are known. */
  facts?: Fact[];
}

/** An entry of the policy. */
export interface Matched {
  /** The list that it stands in. */
  list: EntryList;
  /** Its index in that list, from 0, disabled entries counted. */
  index: number;
  /** The entry in canonical form. */
  entry: string;
  /** The project whose list it is; absent for the global lists. */
  project?: string;
}

/** One thing that may be tried. */
export interface Attempt {
  scheme: "https" | "http";
  port: number;
  /** Whether the certificate must be verified. */
  verified: boolean;
  /** The host to ask, where it is not the reference's own: Docker Hub's. */
  host?: string;
}

/** The entry that came nearest to covering a denied reference, and why it did not. */
export interface Nearest extends Matched {
  miss:
    | "another-port"
    | "another-namespace"
    | "wildcard-apex"
    | "below-name"
    | "name-under-network"
    | "address-outside"
    | "name-unconfirmed"
    | "neighbouring-network";
  /** The same in words. */
  text: string;
}

interface Asked {
  /** The reference, as it was asked for. */
  reference: string;
  /** The registry as `HOST[:PORT]`; absent where the reference could not be read. */
  registry?: string;
  /** The repository; absent for a registry and where the reference could not be read. */
  repository?: string;
}

/** The reference may be used, in these ways and no others. */
export interface Allow extends Asked {
  decision: "allow";
  /** The entry that decided; absent where whitelist mode is off and no entry covers the registry. */
  by?: Matched;
  /** What may be tried, in order. */
  attempts: Attempt[];
  /** The certificate authorities of the policy that apply, by fingerprint; absent where none does. */
  authorities?: string[];
  /** The addresses that must be connected to, where DNS decided; absent otherwise. */
  pinned?: string[];
}

/** The reference may not be used. */
export interface Deny extends Asked {
  decision: "deny";
  /** Why. `"internal"`: the module stopped, and nothing is allowed for that. */
  reason: "not-whitelisted" | "invalid-reference" | "unknown-project" | "internal";
  /** Why, for a person. */
  text: string;
  /** The entry that came nearest; absent where none is near. */
  nearest?: Nearest;
}

/** Ask DNS these questions, and ask again with the answers as facts. */
export interface Lookup extends Asked {
  decision: "lookup";
  questions: Question[];
}

/** What the policy says of a request. */
export type Decision = Allow | Deny | Lookup;

/** One step of the reasoning. */
export interface Step {
  /** What it is about. */
  topic: "reference" | "mode" | "entry" | "dns" | "transport" | "authorities" | "outcome";
  /** The entry it is about; absent where it is about none. */
  entry?: Matched;
  /** Whether that entry covers the reference; absent where the step is about no entry. */
  covers?: boolean;
  /** The step in words. */
  text: string;
}

/** A decision with its reasoning, in order. */
export type Explanation = Decision & { steps: Step[] };

/** A trust anchor of a policy. */
export interface Authority {
  /** The SHA-256 of the certificate's DER, in lower-case hexadecimal: what decisions name it by. */
  fingerprint: string;
  /** The certificate's common name, or what comes nearest to one. */
  title: string;
  /** The certificate in DER. */
  der: Uint8Array;
  /** The first second at which it is valid, since 1970-01-01 UTC. */
  notBefore: number;
  /** The last second at which it is valid. */
  notAfter: number;
}

/** A policy, ready to decide. */
export interface Policy {
  /** Decides one request. */
  decide(request: string | Request): Decision;
  /** Decides many requests, in order. */
  decideMany(requests: readonly (string | Request)[]): Decision[];
  /** The same decision with its reasoning. */
  explain(request: string | Request): Explanation;
  /** What another document in place of this policy would do, at the time that this one was loaded for. */
  compare(document: string | PolicyDocument): Compared;
  /** The certificates that may vouch for registries, each once, sorted by fingerprint. */
  authorities(): Authority[];
  /** Gives its memory back. Where that is forgotten, it goes with the object. */
  dispose(): void;
  /** The same, for `using`, where the runtime has it. */
  [Symbol.dispose](): void;
}

/** A policy, with the findings that did not keep it from loading; or the findings, and no policy. */
export type Loaded = { ok: true; findings: Finding[]; policy: Policy } | { ok: false; findings: Finding[] };

/** Loads a policy document, as JSON text or as an object. With any error there is no policy. `at` as for certificates. */
export function loadPolicy(document: string | PolicyDocument, at?: number): Loaded;

/** How decisions differ. */
export type Change =
  | "newly-allowed"
  | "newly-denied"
  | "now-unverified"
  | "now-verified"
  | "now-plain-http"
  | "no-longer-plain-http"
  | "other-authorities"
  | "now-by-dns"
  | "no-longer-by-dns";

/** A request that two policies decide differently, in the way that its region says. */
export interface Witness {
  reference: string;
  kind: "image" | "registry";
  project?: string;
  /** What DNS says, where that decides. */
  facts?: Fact[];
  /** The old decision in words. */
  before: string;
  /** The new decision in words. */
  after: string;
}

/** Requests that are decided differently. */
export interface Region {
  change: Change;
  /** Which requests, in words. */
  text: string;
  /** Whether what is newly allowed is reached without verification. */
  unverified: boolean;
  /** The hosts, written like entries; `*` for every name. */
  hosts: string[];
  /** Whether Docker Hub is meant. */
  hub: boolean;
  /** But not these, nor what is below them or in them. */
  except: string[];
  /** How many more exceptions there are. */
  moreExcept: number;
  /** Requests without a port, and the ports, or all but these. */
  ports: { unwritten: boolean; allBut: boolean; ports: number[] };
  /** Logins, and the repositories within these namespaces, but not within those. */
  repositories: { login: boolean; within: { namespace: string; except: string[] }[] };
  /** On whose behalf: nobody's in particular, these projects, any that neither document names. */
  projects: { none: boolean; named: string[]; others: boolean };
  /** Authorities that may vouch for it now, by fingerprint. */
  added?: string[];
  /** Authorities that may not any more. */
  removed?: string[];
  /** A request that shows the difference. */
  witness: Witness;
}

/** What a change to a policy does: the regions, and nothing else, are decided differently. */
export interface Comparison {
  /** Whether anything differs, and whether anything is newly allowed or reached less safely. */
  verdict: "same" | "not-wider" | "wider";
  /** For whom whitelist mode was turned on or off; without a project, for all. */
  modes: { project?: string; on: boolean }[];
  /** What `match_resolved_addresses` was turned to, where that changed. */
  matchResolvedAddresses?: boolean;
  /** What is decided differently, sorted by change; at most 1,000 of a kind. */
  regions: Region[];
  /** How many more there are. */
  omitted: { change: Change; count: number }[];
}

/** Findings of two documents of which one does not load. */
export interface Unreadable {
  ok: false;
  first: Finding[];
  second: Finding[];
}

/** A comparison, or why there is none. */
export type Compared = { ok: true; comparison: Comparison } | Unreadable;

/** Says what replacing one policy document by another does. `at` as for certificates. */
export function compare(old: string | PolicyDocument, document: string | PolicyDocument, at?: number): Compared;

/** An entry of a remote list that the policy does not cover whole. */
export interface Refused {
  list: EntryList;
  index: number;
  entry: string;
  /** What the entry would allow, or reach less safely, and the policy does not. */
  witness?: Witness;
}

/** The narrowed policy in canonical form, as JSON; or why the policy stays as it is. */
export type Narrowed = { ok: true; document: string } | { ok: false; refused: Refused } | Unreadable;

/** Leaves of a policy what a remote document's lists name, if the policy covers every entry of them. */
export function narrow(policy: string | PolicyDocument, remote: string | PolicyDocument, at?: number): Narrowed;

/**
 * The SHA-256 of the bytes of the module, in lower-case hexadecimal: the same as `pullgate module` gives for a daemon.
 * `undefined` where they are not known: `ready` was given a compiled module, or a page without HTTPS cannot hash.
 */
export function moduleDigest(): string | undefined;

/** The version of pullgate that the module is from. */
export function version(): string;

/** The SHA-256 of the source of the rules, in lower-case hexadecimal. */
export function rules(): string;
