//! An image of an object, and the errors of extracting it.

use thiserror::Error;

/// Maximum number of distinct images in one review, far above that of any pod.
pub const MAX_IMAGES: usize = 1_000;

/// Maximum number of containers or volumes in one list of an object. The others are not kept in memory.
pub const MAX_CONTAINERS: usize = 4_096;

/// An image of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Image {
    /// The location, human-readable: ``container `app` ``.
    pub location: String,
    /// The image, as written.
    pub name: String,
    /// True in a template, in which an image may be empty for others to fill in.
    pub is_template: bool,
}

impl Image {
    /// Returns whether the image is empty and may be, so that there is nothing to decide.
    pub fn is_unset(&self) -> bool {
        self.is_template && self.name.trim().is_empty()
    }
}

/// An error of extracting the images of an object.
#[derive(Debug, Error)]
pub enum ExtractError {
    /// An unknown kind without a pod specification at a known path, or without an image.
    #[error(
        "pullgate does not know where a `{0}` has its images, so it is not allowed: do not send this kind to the webhook"
    )]
    UnknownKind(String),
    /// A known kind without a pod specification with containers.
    #[error("the `{0}` has no pod specification with containers")]
    NoPodSpec(String),
    /// A malformed object.
    #[error("the object cannot be read: {0}")]
    Malformed(String),
    /// More images or containers than one review may have.
    #[error("the object has more than {MAX_IMAGES} images or {MAX_CONTAINERS} containers")]
    TooMany,
}

impl ExtractError {
    /// Returns the stable code of the denial.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownKind(_) => "unknown-kind",
            Self::NoPodSpec(_) => "no-pod-spec",
            Self::Malformed(_) => "malformed-review",
            Self::TooMany => "too-many-images",
        }
    }
}
