//! The rules of registry access.
//!
//! A policy determines which container registries a host may pull from, which of them are insecure, and which private
//! certificate authorities apply. This crate parses policies, lints them, and decides requests. It does no input or
//! output, reads no clock, and does not panic on any input.
//!
//! ```
//! use pullgate::{Decision, Policy, Request};
//!
//! let loaded = Policy::load(r#"{"whitelist": ["*.example.com"]}"#, 0).unwrap();
//! let request = Request { reference: "registry.example.com/app:1", ..Request::default() };
//! assert!(matches!(loaded.policy.decide(&request), Decision::Allow(_)));
//! ```

#![forbid(unsafe_code)]
// No input may panic: an exception gives its reason.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::unreachable,
    clippy::todo,
    clippy::unimplemented,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    missing_docs
)]
// Tests fail by panics.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::as_conversions,
        clippy::arithmetic_side_effects
    )
)]

mod certificate;
mod compare;
mod decision;
mod document;
mod entry;
mod finding;
mod host;
mod lint;
mod load;
mod policy;
mod reference;
mod util;

pub use certificate::algorithm::{describe_key_algorithm, describe_signature_algorithm};
pub use certificate::info::{CertificateInfo, CertificateReport, KeyInfo, check_certificates, describe_certificate};
pub use certificate::pem::{MAX_BLOCKS, MAX_BUNDLE_BYTES};
pub use compare::narrow::{NarrowError, UncoveredEntry, narrow};
pub use compare::{
    ChangeKind, CompareError, Comparison, ComparisonVerdict, MAX_EXCEPTIONS, MAX_REGIONS, ModeChange, NamespaceSubtree,
    PortSet, ProjectSet, Region, RepositorySet, TruncatedCount, Witness, compare,
};
pub use decision::{
    Allow, Attempt, Decision, DenialReason, Deny, DnsAnswer, DnsQuery, Explanation, LookupKind, MAX_ANSWER_BYTES,
    MAX_ANSWERS_PER_QUERY, MAX_DNS_ANSWERS, MatchedEntry, MissReason, NearestEntry, ReferenceKind, Request, Response,
    Scheme, Step, StepKind,
};
pub use document::request_json::OwnedRequest;
pub use document::{MAX_DOCUMENT_BYTES, MAX_ENTRIES, is_foreign_text};
pub use entry::{
    CanonicalEntry, EntryHosts, EntryKind, EntryReport, MAX_ENTRY_BYTES, check_entry, find_userinfo, redact_userinfo,
};
pub use finding::code::{CODES, Code, CodeInfo};
pub use finding::{EntryList, Finding, Severity, TextRange};
pub use host::docker_hub;
pub use load::{LoadedPolicy, PolicyReport, check_policy};
pub use policy::Policy;
pub use policy::trust_anchors::TrustAnchor;
pub use reference::{MAX_REFERENCE_BYTES, has_default_registry, is_digest};

pub use util::display;

/// The version of pullgate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The SHA-256 of the source of the rules in lower-case hexadecimal: equal in native code and in the module if both
/// were built from the same rules.
pub const RULES_SHA256: &str = env!("PULLGATE_RULES");
