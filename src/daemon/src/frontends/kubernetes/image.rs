//! An image that an object names, and the errors of looking for it.

use thiserror::Error;

/// How many different images one review may name. No pod has nearly as many.
pub const MAX_IMAGES: usize = 1_000;

/// An image that an object names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Image {
    /// Where it stands, for a person: ``container `app` ``.
    pub location: String,
    /// The image, as it was written.
    pub name: String,
    /// Whether it may be empty: in a template it may be, for others to fill in.
    pub is_template: bool,
}

impl Image {
    /// Whether there is nothing to decide: the place is left open.
    pub fn is_unset(&self) -> bool {
        self.is_template && self.name.trim().is_empty()
    }
}

/// Why the images of an object are not known.
#[derive(Debug, Error)]
pub enum ExtractError {
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

impl ExtractError {
    /// The stable code of the denial.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownKind(_) => "unknown-kind",
            Self::NoPodSpec(_) => "no-pod-spec",
            Self::Malformed(_) => "malformed-review",
        }
    }
}
