//! An image that an object names, and the errors of looking for it.

use thiserror::Error;

/// How many different images one review may name. No pod has nearly as many.
pub const MOST: usize = 1_000;

/// An image that an object names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Image {
    /// Where it stands, for a person: ``container `app` ``.
    pub place: String,
    /// The image, as it was written.
    pub name: String,
    /// Whether it may be empty: in a template it may be, for others to fill in.
    pub may_be_empty: bool,
}

impl Image {
    /// Whether there is nothing to decide: the place is left open.
    pub fn is_open(&self) -> bool {
        self.may_be_empty && self.name.trim().is_empty()
    }
}

/// Why the images of an object are not known.
#[derive(Debug, Error)]
pub enum Unread {
    /// It is none of the kinds whose shape is known, and has no pod specification where those have theirs.
    #[error(
        "pullgate does not know where a `{0}` has its images, so it is not allowed: do not send this kind to the webhook"
    )]
    UnknownKind(String),
    /// It is of a known kind, and has no pod specification with containers.
    #[error("the `{0}` has no pod specification with containers")]
    NoPodSpec(String),
    /// It is not what it should be.
    #[error("the object cannot be read: {0}")]
    Malformed(String),
}

impl Unread {
    /// The stable code of the denial.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownKind(_) => "unknown-kind",
            Self::NoPodSpec(_) => "no-pod-spec",
            Self::Malformed(_) => "malformed-review",
        }
    }
}
