//! Requests and decisions (rules D1 to D4).

pub(crate) mod canonical_json;
pub(crate) mod dns_answer_map;
pub(crate) mod dns_answers;
pub(crate) mod evaluate;
pub(crate) mod evaluation;
pub(crate) mod explain;
pub(crate) mod nearest;
pub(crate) mod query;
mod response_json;

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::finding::EntryList;

/// The kind of a reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferenceKind {
    /// An image reference, in the syntax of `docker pull`.
    #[default]
    Image,
    /// A registry, in the syntax of `docker login`: a host and port, or a URL whose scheme and path are ignored.
    Registry,
}

/// The direction of a DNS lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookupKind {
    /// The names of an address (PTR records).
    Reverse,
    /// The addresses of a name (A and AAAA records).
    Forward,
}

/// A DNS query that a decision depends on (rule M6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsQuery {
    /// The direction of the lookup.
    pub kind: LookupKind,
    /// An address or a name: canonical in the queries of a decision, of any spelling in a DNS answer.
    pub subject: String,
}

/// A DNS answer. An empty list of answers stands for a failed lookup too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsAnswer {
    /// The direction of the lookup.
    pub kind: LookupKind,
    /// The address or name that was looked up.
    pub subject: String,
    /// Addresses or names.
    pub answers: Vec<String>,
}

/// A request for a decision.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// The reference as typed.
    pub reference: &'a str,
    /// The kind of the reference.
    pub kind: ReferenceKind,
    /// The project of the request (rule J1).
    pub project: Option<&'a str>,
    /// The known DNS answers.
    pub dns_answers: &'a [DnsAnswer],
}

/// The maximum number of DNS answers in a request (rule M6).
pub const MAX_DNS_ANSWERS: usize = 32;
/// The maximum number of addresses or names in one DNS answer (rule M6).
pub const MAX_ANSWERS_PER_QUERY: usize = 256;
/// The maximum size in bytes of a subject, address or name in a DNS answer (rule M6): that of a host name.
pub const MAX_ANSWER_BYTES: usize = 253;

impl Request<'_> {
    /// Returns the limit of rule M6 that the request exceeds, human-readable.
    pub(crate) fn exceeded_limit(&self) -> Option<String> {
        if self.dns_answers.len() > MAX_DNS_ANSWERS {
            return Some(too_many_dns_answers(self.dns_answers.len()));
        }
        self.dns_answers.iter().find_map(|DnsAnswer { subject, answers, .. }| {
            if answers.len() > MAX_ANSWERS_PER_QUERY {
                return Some(too_many_answers(answers.len()));
            }
            let mut texts = std::iter::once(subject).chain(answers);
            texts.find(|text| text.len() > MAX_ANSWER_BYTES).map(|text| too_long_answer(text.len()))
        })
    }
}

pub(crate) fn too_many_dns_answers(count: usize) -> String {
    format!("a request has at most {MAX_DNS_ANSWERS} DNS answers, this one has {count}")
}

pub(crate) fn too_many_answers(count: usize) -> String {
    format!("a DNS answer has at most {MAX_ANSWERS_PER_QUERY} addresses or names, this one has {count}")
}

pub(crate) fn too_long_answer(bytes: usize) -> String {
    format!("an address or name of DNS has at most {MAX_ANSWER_BYTES} bytes, this one has {bytes}")
}

/// The decision on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// The reference may be used, by the listed attempts and no others.
    Allow(Allow<'a>),
    /// The reference may not be used.
    Deny(Deny<'a>),
    /// These DNS queries must be answered first; the answers go into a new request.
    Lookup(Vec<DnsQuery>),
}

/// A decision to allow a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow<'a> {
    /// The deciding entry; absent if whitelist mode is off and no entry covers the registry.
    pub by: Option<MatchedEntry<'a>>,
    /// The connection attempts that are allowed, in order.
    pub attempts: Vec<Attempt<'a>>,
    /// The certificate authorities that apply, by SHA-256 fingerprint in lower-case hexadecimal.
    pub authorities: Vec<Cow<'a, str>>,
    /// The only addresses that connections may go to, if DNS decided (rule M4).
    pub pinned: Vec<String>,
}

/// A decision to deny a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deny<'a> {
    /// The reason, for programs.
    pub reason: DenialReason,
    /// The reason, human-readable.
    pub text: String,
    /// The blocked entry that decided (rule W6).
    pub by: Option<MatchedEntry<'a>>,
    /// The entry that came nearest.
    pub nearest: Option<NearestEntry<'a>>,
}

/// The reason of a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DenialReason {
    /// No entry of the effective whitelist covers the reference (rule W3).
    NotWhitelisted,
    /// The reference does not parse (rules H3, H4).
    InvalidReference,
    /// The request exceeds a limit (rule M6).
    InvalidRequest,
    /// The policy has projects, and not this one (rules J1, J2).
    UnknownProject,
    /// A blocked entry covers the reference (rule W6).
    Blocked,
    /// Reported by the host: the module trapped.
    Trap,
    /// Reported by the host: the decision exceeded its time limit.
    TimeOut,
    /// Reported by the host: the module exceeded its memory limit.
    Memory,
}

impl DenialReason {
    /// Returns the stable code in canonical JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotWhitelisted => "not-whitelisted",
            Self::InvalidReference => "invalid-reference",
            Self::InvalidRequest => "invalid-request",
            Self::UnknownProject => "unknown-project",
            Self::Blocked => "blocked",
            Self::Trap => "trap",
            Self::TimeOut => "time-out",
            Self::Memory => "memory",
        }
    }
}

/// An entry of the policy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct MatchedEntry<'a> {
    /// The list of the entry.
    pub list: EntryList,
    /// The index in that list, from 0, disabled entries counted.
    pub index: u32,
    /// The entry in canonical form.
    pub entry: Cow<'a, str>,
    /// The project of the list; absent for the global lists.
    pub project: Option<Cow<'a, str>>,
}

/// The scheme of a connection attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// HTTP over TLS.
    Https,
    /// Plain HTTP.
    Http,
}

impl Scheme {
    /// Returns the scheme as in a URL: `https` or `http`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// Returns the port of a URL of the scheme that has none.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A connection attempt that the client may make (rule T1).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Attempt<'a> {
    /// The scheme.
    pub scheme: Scheme,
    /// The TCP port.
    pub port: u16,
    /// True if the certificate must be verified.
    pub verified: bool,
    /// The host to connect to, if it is not the reference's: Docker Hub's (rule H2).
    pub host: Option<Cow<'a, str>>,
}

/// The reason that the nearest entry does not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissReason {
    /// The host matches, the port does not.
    AnotherPort,
    /// The registry matches, the namespace does not.
    AnotherNamespace,
    /// The host is the domain of a wildcard, which covers only names below it.
    WildcardApex,
    /// The host is below a name that is not a wildcard.
    BelowName,
    /// The host is a name that differs from the entry's by one slip of the keyboard.
    SimilarName,
    /// The host is a name that differs from the entry's in one label in the middle, such as a region.
    AnotherRegion,
    /// The repository on Docker Hub is what the entry names as a host.
    ImageAsHost,
    /// The host is a name with an address that the entry covers, and the policy does not resolve names.
    NameUnderNetwork,
    /// The host is a name, and not all of its addresses are covered.
    AddressOutside,
    /// The host is an address, and no name of it that resolves back to it is below the wildcard.
    NameUnconfirmed,
    /// The host is an address near the entry.
    NeighbouringNetwork,
}

/// The entry that came nearest to covering a denied reference (rule W3).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NearestEntry<'a> {
    /// The entry.
    #[serde(flatten)]
    pub entry: MatchedEntry<'a>,
    /// The reason that it does not match, for programs.
    pub miss: MissReason,
    /// The reason, human-readable.
    pub text: String,
}

/// A decision with the parts of its request, as in canonical JSON (rule D4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The reference of the request, with any user information redacted.
    pub reference: Cow<'a, str>,
    /// The registry as `HOST[:PORT]`; absent if the reference does not parse.
    pub registry: Option<Cow<'a, str>>,
    /// The repository; absent for a registry, and if the reference does not parse.
    pub repository: Option<Cow<'a, str>>,
    /// The decision.
    pub decision: Decision<'a>,
}

/// The kind of an explanation step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// The parts of the reference.
    Reference,
    /// The whitelist mode.
    Mode,
    /// An entry, and whether it matches.
    Entry,
    /// A DNS answer.
    Dns,
    /// The transport to the registry.
    Transport,
    /// The certificate authorities that apply.
    Authorities,
    /// The outcome.
    Outcome,
}

impl StepKind {
    /// Returns the stable name in the JSON of an explanation.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Mode => "mode",
            Self::Entry => "entry",
            Self::Dns => "dns",
            Self::Transport => "transport",
            Self::Authorities => "authorities",
            Self::Outcome => "outcome",
        }
    }
}

/// A step of an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// The kind of the step.
    pub kind: StepKind,
    /// The entry that the step is about.
    pub entry: Option<MatchedEntry<'a>>,
    /// True if that entry matches the reference.
    pub matches: Option<bool>,
    /// The human-readable text of the step.
    pub text: String,
}

/// A decision with its explanation (rule D3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation<'a> {
    /// The decision with the parts of its request.
    pub response: Response<'a>,
    /// The steps, in order.
    pub steps: Vec<Step<'a>>,
}
