//! The validating webhook, up to the images of an object.

#[path = "../../../../src/daemon/src/frontends/kubernetes/admission_review.rs"]
pub mod admission_review;
#[path = "../../../../src/daemon/src/frontends/kubernetes/generic_images.rs"]
pub mod generic_images;
#[path = "../../../../src/daemon/src/frontends/kubernetes/image.rs"]
pub mod image;
#[path = "../../../../src/daemon/src/frontends/kubernetes/pod_images.rs"]
pub mod pod_images;
#[path = "../../../../src/daemon/src/frontends/kubernetes/sanitize.rs"]
pub mod sanitize;
