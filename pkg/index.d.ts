// The types of the package. A test compiles the module's answers to every case of tests/vectors against them.

/// <reference lib="esnext.disposable" />

import type { FindingCode } from "./codes.d.ts";

export type { FindingCode };

/**
 * The source of the module (`pullgate/pullgate.wasm`): its bytes, a `WebAssembly.Module`, a URL (also as a string), a
 * `Response`, or a promise of one. Typed as `object`, since types cannot tell a `WebAssembly.Module` from others.
 */
export type ModuleSource = string | object;

/**
 * Loads the module. A browser calls this first, once; every other function is synchronous. Without `source` the module
 * is fetched from beside the package. Node, Deno, Bun, workerd, edge functions and `pullgate/inline` are ready without
 * it. Has no effect once a module is loaded.
 *
 * Returns the same promise every time, for React's `use(ready())`. A failure is an `Error` that names the cause and the
 * remedy; it is kept for a second, and a call after that tries again, as does one with another source.
 */
export function ready(source?: ModuleSource): Promise<void>;

/** Returns whether the other functions can be called: in a browser after `ready`, elsewhere from the start. */
export function isReady(): boolean;

/**
 * A time: a `Date`, or seconds since 1970-01-01 UTC. By default now. Milliseconds, as of `Date.now()`, are a
 * `TypeError`.
 */
export type Time = number | Date;

/** The severity of a finding: an error rejects the input, a warning marks a probable mistake, info only informs. */
export type Severity = "error" | "warning" | "info";

/** A half-open range of the checked text. Offsets count from 0. */
export interface TextRange {
  /** The first UTF-8 byte. */
  start: number;
  /** One past the last UTF-8 byte. */
  end: number;
  /** The first UTF-16 code unit, as in JavaScript strings. */
  startUtf16: number;
  /** One past the last UTF-16 code unit. */
  endUtf16: number;
}

/** A finding about an input. */
export interface Finding {
  /**
   * The stable code: match on this, never on messages. `"internal"` means that the module failed, so that the input is
   * neither valid nor wrong.
   */
  code: FindingCode | "internal";
  /** The severity; each code has one. */
  severity: Severity;
  /** The location in a policy document, as a JSON Pointer (RFC 6901); absent for a single entry. */
  path?: string;
  /** The range of the checked text; absent if none applies. For an object, the text is that of `JSON.stringify`. */
  range?: TextRange;
  /** The human-readable message: lower case, no final full stop. Never contains a password. */
  message: string;
  /** The replacement for the range; absent if there is none. */
  fix?: string;
}

/** A list of the policy document. */
export type EntryList = "whitelist" | "insecure" | "built-in" | "blocked";

/** The result of checking one entry. */
export interface EntryReport {
  /** The checked text. */
  text: string;
  /** The entry in its canonical form; absent when there is an error. */
  entry?: string;
  /** The kind of hosts that the entry names; absent when there is an error. */
  kind?: "address" | "network" | "name" | "wildcard" | "pattern";
  /** The findings, in the order of the text. */
  findings: Finding[];
}

/** Checks one entry as an element of the given list. */
export function checkEntry(text: string, list: EntryList): EntryReport;

/**
 * Applies the fix of a finding to the checked text of an entry, and returns the entries in its place: several for a
 * range of addresses. A finding without `fix` is a `TypeError`.
 */
export function applyFix(text: string, finding: Pick<Finding, "fix" | "range">): string[];

/** The message of a finding apart from its variable parts. */
export interface FindingTemplate {
  /** The message with `{0}`, `{1}` and so on in place of input, numbers and dates. A new version may word it better. */
  template: string;
  /** The parts that stand there, in their order. */
  parameters: string[];
}

/** Returns the message of a finding apart from its variable parts, for a text in another language. */
export function templateOf(finding: Pick<Finding, "message">): FindingTemplate;

/** A human-readable description of a certificate (RFC 5280), with the findings about it as a certificate authority. */
export interface CertificateInfo {
  /** The subject as an RFC 4514 string, the most specific part first; may be empty. */
  subject: string;
  /** The issuer as an RFC 4514 string. */
  issuer: string;
  /** The serial number in lower-case hexadecimal, two digits an octet; with a minus sign where it is negative. */
  serial: string;
  /** The first valid second: `2026-11-21T00:00:00Z`. */
  notBefore: string;
  /** The last valid second. */
  notAfter: string;
  /** The public key: algorithm name or object identifier, with the size of an RSA or DSA key or the curve of an EC key. */
  key: { algorithm: string; bits?: number; curve?: string };
  /** The signature algorithm: OpenSSL's name, or an object identifier. */
  signatureAlgorithm: string;
  /** The SHA-256 of the DER encoding, in lower-case hexadecimal. */
  sha256: string;
  /** The SHA-1 of the DER encoding, in lower-case hexadecimal: to find it in older programs, not to trust it. */
  sha1: string;
  /** The `cA` flag of the basic constraints (RFC 5280, section 4.2.1.9). */
  isCa: boolean;
  /** The maximum number of intermediates below it; absent without a limit. */
  pathLength?: number;
  /** The key usages: names of RFC 5280, section 4.2.1.3. */
  keyUsage: string[];
  /** The extended key usages: names of RFC 5280, section 4.2.1.12, or object identifiers. */
  extendedKeyUsage: string[];
  /** The subject alternative names, each with its kind: `DNS:a.example.com`, `IP:10.0.0.1`. */
  subjectAltNames: string[];
  /** The subject key identifier, in lower-case hexadecimal. */
  subjectKeyId?: string;
  /** The authority key identifier, in lower-case hexadecimal. */
  authorityKeyId?: string;
  /** True if self-issued (RFC 5280, section 3.2): issuer equals subject, and the key identifiers do not disagree. */
  selfIssued: boolean;
  /** The line of the BEGIN boundary, counted from 1. */
  line: number;
  /** The certificate in plain PEM (RFC 7468, section 3), whatever form it was given in. */
  pem: string;
  /** The findings about it. */
  findings: Finding[];
}

/** The result of checking a bundle of certificates. */
export interface CertificateReport {
  /** The readable certificates, in the order of the text. */
  certificates: CertificateInfo[];
  /** The findings about the rest of the text, in its order. */
  findings: Finding[];
}

/** Checks PEM certificates, as a string or as the bytes of any file. */
export function checkCertificates(pem: string | Uint8Array, at?: Time): CertificateReport;

/** An element of a list of the policy document. */
export type PolicyEntry = string | PolicyEntryObject;

/** An entry with what a list may say of it. */
export interface PolicyEntryObject {
  entry: string;
  enabled?: boolean;
  comment?: string;
}

/** A certificate authority of the policy document, perhaps limited to registries. */
export interface PolicyAuthority {
  pem: string;
  registries?: readonly PolicyEntry[];
}

/** The lists of a project. */
export interface PolicyProject {
  whitelist?: readonly PolicyEntry[];
  insecure?: readonly PolicyEntry[];
  certificate_authorities?: readonly PolicyAuthority[];
  /** Registries that may not be used, whatever another list says. */
  blocked?: readonly PolicyEntry[];
}

/**
 * A policy document. Functions that take one take a plain object, at any depth, or its JSON text. A promise, a Map, an
 * instance of a class, and a member that is `undefined` or a function are a `TypeError`: JSON would make them a policy
 * that allows more.
 */
export interface PolicyDocument extends PolicyProject {
  built_in?: readonly PolicyEntry[];
  match_resolved_addresses?: boolean;
  projects?: Record<string, PolicyProject>;
  /** How requests for a project that is not in `projects` are decided; `"deny"` by default. */
  unlisted_projects?: "deny" | "global";
  /** Preserved, and without effect. */
  image_fetch_proxy?: unknown;
}

/** The result of checking a policy document. */
export interface PolicyReport {
  /** The document in its canonical form, as JSON; absent if the document does not load. */
  canonical?: string;
  /** The findings, in document order. */
  findings: Finding[];
}

/** Checks a policy document, as JSON text or as an object. */
export function checkPolicy(document: string | PolicyDocument, at?: Time): PolicyReport;

/** A DNS answer, given with a request. */
export interface DnsAnswer extends DnsQuery {
  /** The names or addresses; empty if there are none, or if the query failed. */
  answers: string[];
}

/** A DNS query: for the names of an address (reverse), or for the addresses of a name (forward). */
export interface DnsQuery {
  kind: "reverse" | "forward";
  subject: string;
}

/** A request to decide. A string stands for the reference of an image. */
export interface Request {
  /** The reference, as typed. */
  reference: string;
  /** An image as in `docker pull` (the default), or a registry as in `docker login`. */
  kind?: "image" | "registry";
  /** The requesting project. */
  project?: string;
  /** The known DNS answers. */
  dnsAnswers?: DnsAnswer[];
}

/** An entry of the policy that matched. */
export interface MatchedEntry {
  /** The list of the entry. */
  list: EntryList;
  /** The index in that list, from 0, counting disabled entries. */
  index: number;
  /** The entry in canonical form. */
  entry: string;
  /** The project of the list; absent for the global lists. */
  project?: string;
}

/** A permitted connection attempt. */
export interface Attempt {
  scheme: "https" | "http";
  port: number;
  /** True if the certificate must be verified. */
  verified: boolean;
  /** The host to connect to, if it differs from that of the reference: Docker Hub's. */
  host?: string;
}

/** The entry nearest to matching a denied reference, with the reason why it did not match. */
export interface NearestEntry extends MatchedEntry {
  miss:
    | "another-port"
    | "another-namespace"
    | "wildcard-apex"
    | "below-name"
    | "similar-name"
    | "another-region"
    | "image-as-host"
    | "name-under-network"
    | "address-outside"
    | "name-unconfirmed"
    | "neighbouring-network";
  /** The human-readable reason. */
  text: string;
}

interface DecidedReference {
  /** The requested reference. */
  reference: string;
  /** The registry as `HOST[:PORT]`; absent if the reference is invalid. */
  registry?: string;
  /** The repository; absent for a registry and if the reference is invalid. */
  repository?: string;
}

/** Permission to use the reference, by these attempts and no others. */
export interface Allow extends DecidedReference {
  decision: "allow";
  /** The deciding entry; absent if whitelist mode is off and no entry matches the registry. */
  by?: MatchedEntry;
  /** The permitted attempts, in order. */
  attempts: Attempt[];
  /** The fingerprints of the policy's certificate authorities that apply; absent if none does. */
  authorities?: string[];
  /** The addresses to connect to, if a DNS answer decided; absent otherwise. */
  pinned?: string[];
}

/** Denial of the reference. */
export interface Deny extends DecidedReference {
  decision: "deny";
  /** The reason. `"internal"` means that the module failed, which allows nothing. */
  reason: "not-whitelisted" | "blocked" | "invalid-reference" | "unknown-project" | "internal";
  /** The human-readable reason. */
  text: string;
  /** The blocked entry that decided; absent for another reason. */
  by?: MatchedEntry;
  /** The nearest entry; absent if none is near. */
  nearest?: NearestEntry;
}

/** DNS answers are needed: request the decision again with the answers to these queries. */
export interface Lookup extends DecidedReference {
  decision: "lookup";
  queries: DnsQuery[];
}

/** The policy's decision on a request. */
export type Decision = Allow | Deny | Lookup;

/** A step of the explanation. */
export interface Step {
  /** The subject of the step. */
  kind: "reference" | "mode" | "entry" | "dns" | "transport" | "authorities" | "outcome";
  /** The entry concerned; absent if the step concerns none. */
  entry?: MatchedEntry;
  /** True if that entry matches the reference; absent if the step concerns no entry. */
  matches?: boolean;
  /** The human-readable step. */
  text: string;
}

/** A decision with the steps that led to it, in order. */
export type Explanation = Decision & { steps: Step[] };

/** A trust anchor of a policy. */
export interface TrustAnchor {
  /** The SHA-256 of the certificate's DER encoding, in lower-case hexadecimal: its name in decisions. */
  fingerprint: string;
  /** The common name of the certificate, or its nearest equivalent. */
  title: string;
  /** The DER encoding of the certificate. */
  der: Uint8Array;
  /** The first valid second, since 1970-01-01 UTC. */
  notBefore: number;
  /** The last valid second, since 1970-01-01 UTC. */
  notAfter: number;
}

/** A loaded policy. Its functions work by themselves too: `const { decide } = policy`. */
export interface Policy {
  /** Decides one request. */
  decide(request: string | Request): Decision;
  /** Decides many requests, in order. */
  decideMany(requests: readonly (string | Request)[]): Decision[];
  /** Decides one request, with the steps that led to the decision. */
  explain(request: string | Request): Explanation;
  /** Compares this policy with a document in its place, at the time of loading. */
  compare(document: string | PolicyDocument): CompareResult;
  /** Returns the trust anchors of the policy, each once, sorted by fingerprint. */
  authorities(): TrustAnchor[];
  /** Frees the module's memory of this policy. Without it, garbage collection does. */
  dispose(): void;
  /** `dispose`, for `using`, if the runtime supports it. */
  [Symbol.dispose](): void;
}

/** A policy with its warnings, or the findings that prevented loading. */
export type LoadResult = { ok: true; findings: Finding[]; policy: Policy } | { ok: false; findings: Finding[] };

/** Loads a policy document, as JSON text or as an object, if it has no error. */
export function loadPolicy(document: string | PolicyDocument, at?: Time): LoadResult;

/** The kind of difference between two decisions. */
export type ChangeKind =
  | "newly-allowed"
  | "newly-denied"
  | "now-unverified"
  | "now-verified"
  | "now-plain-http"
  | "no-longer-plain-http"
  | "other-authorities"
  | "now-by-dns"
  | "no-longer-by-dns";

/** A request that two policies decide differently, as an example of its region. */
export interface Witness {
  reference: string;
  kind: "image" | "registry";
  project?: string;
  /** The DNS answers, if they decide. */
  dnsAnswers?: DnsAnswer[];
  /** The human-readable old decision. */
  before: string;
  /** The human-readable new decision. */
  after: string;
}

/** A region of requests whose decision changes. */
export interface Region {
  change: ChangeKind;
  /** The human-readable description of the requests. */
  text: string;
  /** True if newly allowed registries are reached without verification. */
  unverified: boolean;
  /** The hosts, in the form of entries; `*` for every name. */
  hosts: string[];
  /** Patterns that the hosts match too; absent if there are none. */
  matching?: string[];
  /** True if the region contains Docker Hub. */
  hub: boolean;
  /** Excluded hosts, with all that is below or in them. */
  except: string[];
  /** The number of further exclusions. */
  moreExcept: number;
  /** Requests without a port, and these ports or, with `complement`, all ports but these. */
  ports: { withoutPort: boolean; complement: boolean; ports: number[] };
  /** Logins, and the repositories in these namespaces without the excepted ones. */
  repositories: { login: boolean; within: { namespace: string; except: string[] }[] };
  /** The requesting projects: none, the named ones, any that neither document names. */
  projects: { none: boolean; named: string[]; others: boolean };
  /** The fingerprints of the authorities that newly apply. */
  added?: string[];
  /** The fingerprints of the authorities that no longer apply. */
  removed?: string[];
  /** A request in the region. */
  witness: Witness;
}

/** The effect of a change to a policy: decisions differ in these regions and nowhere else. */
export interface Comparison {
  /** `"wider"` if anything is newly allowed or reached less safely; `"same"` if no decision differs. */
  verdict: "same" | "not-wider" | "wider";
  /** False if patterns overlap in over 10,000 ways, so that regions may be missing; the verdict is then `"wider"`. */
  exhaustive: boolean;
  /** Changes of whitelist mode, by project; without a project, of the global mode. */
  modes: { project?: string; on: boolean }[];
  /** The new value of `match_resolved_addresses`, if it changed. */
  matchResolvedAddresses?: boolean;
  /** The regions, sorted by change; at most 1,000 of each change. */
  regions: Region[];
  /** The number of further regions, by change. */
  omitted: { change: ChangeKind; count: number }[];
}

/** The findings of two documents, if either does not load. */
export interface CompareError {
  ok: false;
  first: Finding[];
  second: Finding[];
}

/** A comparison, or the findings that prevented it. */
export type CompareResult = { ok: true; comparison: Comparison } | CompareError;

/** Compares two policy documents: the effect of replacing the first by the second. */
export function compare(old: string | PolicyDocument, document: string | PolicyDocument, at?: Time): CompareResult;

/** An entry of a remote list that the policy does not cover completely. */
export interface UncoveredEntry {
  list: EntryList;
  index: number;
  entry: string;
  /** A request that the entry would allow, or reach less safely, unlike the policy. */
  witness?: Witness;
}

/** The narrowed policy as canonical JSON, or the reason why it was not narrowed. */
export type NarrowResult = { ok: true; document: string } | { ok: false; uncovered: UncoveredEntry } | CompareError;

/** Narrows a policy to the lists of a remote document, if the policy covers each of their entries. */
export function narrow(policy: string | PolicyDocument, remote: string | PolicyDocument, at?: Time): NarrowResult;

/**
 * Returns the SHA-256 of the module's bytes in lower-case hexadecimal, as `pullgate module` does. `undefined` if unknown:
 * after `ready` with a compiled module, and on a page without HTTPS, which cannot hash.
 */
export function moduleDigest(): string | undefined;

/** Returns the version of pullgate that the module was built from. */
export function version(): string;

/** Returns the SHA-256 of the source of the rules, in lower-case hexadecimal. */
export function rules(): string;
