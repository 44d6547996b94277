//! The rules of registry access.
//!
//! A policy says which container registries a host may pull from, which of them are insecure, and which private
//! certificate authorities count. This crate reads policies, says what is wrong with them, and decides. It does no
//! input or output, reads no clock, and does not panic, whatever it is given.
//!
//! ```
//! use pullgate::{Decision, Policy, Request};
//!
//! let loaded = Policy::load(r#"{"whitelist": ["*.example.com"]}"#, 0).unwrap();
//! let request = Request { reference: "registry.example.com/app:1", ..Request::default() };
//! assert!(matches!(loaded.policy.decide(&request), Decision::Allow(_)));
//! ```

// Tests may panic: that is how they fail.
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

pub use certificate::info::{CertificateDescription, CertificateReport, KeyDescription, check_certificates};
pub use certificate::pem::{MAX_BLOCKS, MAX_BUNDLE};
pub use compare::narrow::{NarrowError, Refused, narrow};
pub use compare::{
    Change, Comparison, MAX_EXCEPTIONS, MAX_REGIONS, ModeChange, Omitted, Ports, Projects, Region, Repositories,
    Unreadable, Verdict, Within, Witness, compare,
};
pub use decision::{
    Allowed, Answer, Attempt, Decision, Denial, Denied, Explanation, Fact, Matched, Miss, Nearest, Question,
    QuestionKind, ReferenceKind, Request, Scheme, Step, Topic,
};
pub use document::request_json::OwnedRequest;
pub use document::{MAX_DOCUMENT, MAX_ENTRIES};
pub use entry::{EntryKind, EntryReport, MAX_ENTRY, check_entry, user_information};
pub use finding::code::{CODES, Code, CodeRow};
pub use finding::{Finding, List, Range, Severity};
pub use load::{Loaded, PolicyReport, check_policy};
pub use policy::Policy;
pub use policy::trust_anchors::Authority;

pub use util::display;

/// The version of pullgate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The SHA-256 of the source of the rules, in lower-case hexadecimal: the same in native code and in the module when
/// both were built from the same rules.
pub const RULES: &str = env!("PULLGATE_RULES");
