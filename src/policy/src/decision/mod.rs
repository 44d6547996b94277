//! What is asked and what is answered (rules D1 to D4).

pub(crate) mod canonical_json;
pub(crate) mod dns_answers;
pub(crate) mod evaluate;
pub(crate) mod evaluation;
pub(crate) mod explain;
pub(crate) mod nearest;
pub(crate) mod query;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::finding::List;

/// What a reference is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferenceKind {
    /// An image reference, as `docker pull` takes it.
    #[default]
    Image,
    /// A registry, as `docker login` takes it: a host and port, or a URL whose scheme and path say nothing.
    Registry,
}

/// What a question asks of DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QuestionKind {
    /// The names of an address (PTR records).
    NamesOf,
    /// The addresses of a name (A and AAAA records).
    AddressesOf,
}

/// A question for DNS (rule M6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What is asked.
    pub kind: QuestionKind,
    /// An address or a name. Canonical in the questions of a decision; any spelling in a fact.
    pub subject: String,
}

/// The answer to a question. No answers stands for a question that was asked in vain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// What was asked.
    pub kind: QuestionKind,
    /// Of which address or name.
    pub subject: String,
    /// Addresses or names.
    pub answers: Vec<String>,
}

/// What is asked of a policy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// The reference, as it was typed.
    pub reference: &'a str,
    /// What it is.
    pub kind: ReferenceKind,
    /// The project on whose behalf (rule J1).
    pub project: Option<&'a str>,
    /// DNS answers, if any are known.
    pub facts: &'a [Fact],
}

/// What the policy says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// It may be used, in these ways and no others.
    Allow(Allowed<'a>),
    /// It may not be used.
    Deny(Denied<'a>),
    /// Ask these questions, and ask again with the answers.
    Lookup(Vec<Question>),
}

/// The reference may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed<'a> {
    /// The entry that decided; absent where whitelist mode is off and no entry covers the registry.
    pub by: Option<Matched<'a>>,
    /// What may be tried, in order.
    pub attempts: Vec<Attempt<'a>>,
    /// The certificate authorities that apply, by lower-case hexadecimal SHA-256 fingerprint.
    pub authorities: Vec<Cow<'a, str>>,
    /// The addresses that must be connected to, where DNS decided (rule M4).
    pub pinned: Vec<String>,
}

/// The reference may not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied<'a> {
    /// Why.
    pub reason: Denial,
    /// Why, for a person.
    pub text: String,
    /// The entry that came nearest.
    pub nearest: Option<Nearest<'a>>,
}

/// Why a reference is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Denial {
    /// No entry of the effective whitelist covers it (rule W3).
    NotWhitelisted,
    /// It cannot be read as a reference (rule H3).
    InvalidReference,
    /// The policy has projects, and not this one (rule J1).
    UnknownProject,
    /// A host's own: the module trapped. The module never says so itself.
    Trap,
    /// A host's own: the decision took longer than it may.
    TimeOut,
    /// A host's own: the module wanted more memory than it may have.
    Memory,
}

impl Denial {
    /// Its stable code, as it stands in the canonical text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotWhitelisted => "not-whitelisted",
            Self::InvalidReference => "invalid-reference",
            Self::UnknownProject => "unknown-project",
            Self::Trap => "trap",
            Self::TimeOut => "time-out",
            Self::Memory => "memory",
        }
    }
}

/// An entry of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched<'a> {
    /// The list that it stands in.
    pub list: List,
    /// Its index in that list, from 0, disabled entries counted.
    pub index: u32,
    /// The entry in canonical form.
    pub entry: Cow<'a, str>,
    /// The project whose list it is; absent for the global lists.
    pub project: Option<Cow<'a, str>>,
}

/// A scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// HTTP over TLS.
    Https,
    /// Plain HTTP.
    Http,
}

/// One thing that the host may try (rule T1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// The scheme.
    pub scheme: Scheme,
    /// The TCP port.
    pub port: u16,
    /// Whether the certificate must be verified.
    pub verified: bool,
    /// The host to ask, where it is not the reference's own: Docker Hub's (rule H2).
    pub host: Option<Cow<'a, str>>,
}

/// Why the nearest entry did not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Miss {
    /// The host matches, the port does not.
    AnotherPort,
    /// The registry matches, the namespace does not.
    AnotherNamespace,
    /// The host is the domain of a wildcard, which covers only what is below it.
    WildcardApex,
    /// The host is below a name that is not a wildcard.
    BelowName,
    /// The host is a name, the entry an address or network, and the policy does not resolve names.
    NameUnderNetwork,
    /// The host is a name, and not all of its addresses are covered.
    AddressOutside,
    /// The host is an address, and no name of it that resolves back to it is below the wildcard.
    NameUnconfirmed,
    /// The host is an address near the entry.
    NeighbouringNetwork,
}

/// The entry that came nearest to covering a denied reference (rule W3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest<'a> {
    /// The entry.
    pub entry: Matched<'a>,
    /// Why it did not match.
    pub miss: Miss,
    /// The same in words.
    pub text: String,
}

/// A decision with what was asked: this is what the canonical text shows (rule D4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The reference as asked, with any user information masked.
    pub reference: Cow<'a, str>,
    /// The registry as `HOST[:PORT]`; absent where the reference could not be read.
    pub registry: Option<Cow<'a, str>>,
    /// The repository; absent for a registry and where the reference could not be read.
    pub repository: Option<Cow<'a, str>>,
    /// The decision.
    pub decision: Decision<'a>,
}

/// What a step of the reasoning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// How the reference was read.
    Reference,
    /// Whether whitelist mode is on, and for whom.
    Mode,
    /// Whether an entry covers the reference.
    Entry,
    /// What DNS said.
    Dns,
    /// How the registry will be asked.
    Transport,
    /// Which certificate authorities count.
    Authorities,
    /// The outcome.
    Outcome,
}

/// One step of the reasoning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// What it is about.
    pub topic: Topic,
    /// The entry it is about.
    pub entry: Option<Matched<'a>>,
    /// Whether that entry covers the reference.
    pub covers: Option<bool>,
    /// The step in words.
    pub text: String,
}

/// A decision with its reasoning (rule D3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation<'a> {
    /// The decision and what was asked.
    pub answer: Answer<'a>,
    /// The reasoning, in order.
    pub steps: Vec<Step<'a>>,
}
