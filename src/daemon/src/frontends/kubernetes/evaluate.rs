//! Decides the images of one review, all by one policy.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use pullgate::{Decision, DenialReason, Deny, ReferenceKind};
use tokio::time::{self, timeout_at};

use super::image::{Image, MAX_IMAGES};
use super::{DECISION_TIMEOUT, sanitize};
use crate::admission::{Admission, AdmissionRequest, AdmissionResponse, Frontend, policy_request};
use crate::policy::store::Generation;

/// How many of them wait for DNS at once.
const DNS_CONCURRENCY: usize = 16;

/// The longest reason of one image in a message, in characters.
const MAX_REASON_CHARS: usize = 600;

/// The longest list of images in an audit annotation, in characters.
const MAX_ANNOTATION_CHARS: usize = 4_096;

/// Who asks, and for what.
#[derive(Clone, Copy)]
pub struct ReviewContext<'a> {
    pub admission: &'a Admission,
    pub generation: &'a Generation,
    pub frontend: Frontend,
    pub user: &'a str,
    pub action: &'a str,
    /// The namespace, where the policy has projects (rule J1).
    pub project: Option<&'a str>,
}

/// An image and what the policy says of it.
pub struct ImageDecision<'a> {
    name: &'a str,
    /// Everywhere it stands.
    locations: Vec<&'a str>,
    decision: Decision<'static>,
    took: Duration,
}

/// An image that is refused.
pub struct RejectedImage {
    /// The image and where it stands, for a person.
    pub image: String,
    /// The image alone, for a person.
    pub name: String,
    /// The stable code.
    pub reason: &'static str,
    /// Why, for a person.
    pub message: String,
}

impl<'a> ReviewContext<'a> {
    /// Where a review came in. The policy is the one for all of its questions.
    pub fn new(
        admission: &'a Admission,
        generation: &'a Generation,
        frontend: Frontend,
        namespace: Option<&'a str>,
    ) -> Self {
        let project = namespace.filter(|namespace| generation.has_projects() && !namespace.is_empty());
        Self { admission, generation, frontend, user: "", action: "", project }
    }

    fn admission_request<'q>(&self, reference: &'q str) -> AdmissionRequest<'q>
    where
        'a: 'q,
    {
        let Self { frontend, user, action, project, .. } = *self;
        AdmissionRequest { frontend, user, action, reference, kind: ReferenceKind::Image, project }
    }

    /// Asks the policy about every image once. Nothing is recorded yet.
    pub async fn decide<'i>(&self, images: &'i [Image]) -> Vec<ImageDecision<'i>> {
        let end = time::Instant::now() + DECISION_TIMEOUT;
        let mut deciding = Vec::new();
        for (name, places) in unique_images(images) {
            deciding.push(self.decide_one(name, places, end));
        }
        stream::iter(deciding).buffered(DNS_CONCURRENCY).collect().await
    }

    async fn decide_one<'i>(&self, name: &'i str, places: Vec<&'i str>, end: time::Instant) -> ImageDecision<'i> {
        let start = Instant::now();
        let asked = self.admission_request(name);
        let request = policy_request(&asked);
        let decision = timeout_at(end, self.generation.evaluator.decide(&request)).await;
        ImageDecision {
            name,
            locations: places,
            decision: decision.unwrap_or_else(|_| timeout_denial()),
            took: start.elapsed(),
        }
    }

    /// Records what was decided. What comes back is what is refused.
    pub fn record_decisions(&self, decided: Vec<ImageDecision<'_>>) -> Vec<RejectedImage> {
        let refused = decided.into_iter().filter_map(|decided| {
            let verdict = self.admission.record_decision(
                self.generation,
                &self.admission_request(decided.name),
                &decided.decision,
                decided.took,
            );
            (!verdict.allowed).then(|| decided.to_rejected(verdict.message))
        });
        refused.collect()
    }

    /// Records that images are allowed to stay, whatever the policy says of them now. What comes back is what it refuses.
    pub fn record_unchanged(&self, decided: Vec<ImageDecision<'_>>) -> Vec<RejectedImage> {
        let refused = decided.into_iter().filter_map(|decided| match &decided.decision {
            Decision::Allow(_) => {
                self.admission.record_decision(
                    self.generation,
                    &self.admission_request(decided.name),
                    &decided.decision,
                    decided.took,
                );
                None
            }
            refusal => {
                let message = match refusal {
                    Decision::Deny(denied) => denied.text.clone(),
                    _ => "it depends on DNS, which is not asked here".to_owned(),
                };
                let verdict = AdmissionResponse { allowed: true, message };
                let verdict = self.admission.record_override(
                    self.generation,
                    &self.admission_request(decided.name),
                    "unchanged",
                    verdict,
                );
                Some(decided.to_rejected(verdict.message))
            }
        });
        refused.collect()
    }

    /// Records what is decided without the rules. `reason` is a stable code.
    pub fn record_override(&self, allowed: bool, reason: &'static str, message: &str) {
        let verdict = AdmissionResponse { allowed, message: message.to_owned() };
        self.admission.record_override(self.generation, &self.admission_request(""), reason, verdict);
    }

    /// What the API server's audit log is told.
    pub fn annotations(
        &self,
        allowed: bool,
        reason: &str,
        refused: &[RejectedImage],
    ) -> BTreeMap<&'static str, String> {
        let mut annotations = BTreeMap::from([
            ("decision", if allowed { "allow" } else { "deny" }.to_owned()),
            ("generation", self.generation.number.to_string()),
            ("module", self.admission.policy_store().module().digest().to_owned()),
            ("policy", self.generation.sha256.clone()),
            ("reason", reason.to_owned()),
        ]);
        if !refused.is_empty() {
            let names: Vec<_> = refused.iter().map(|refused| &*refused.name).collect();
            annotations.insert("refused", sanitize::sanitize_line(&names.join(", "), MAX_ANNOTATION_CHARS));
        }
        annotations
    }
}

impl ImageDecision<'_> {
    fn to_rejected(&self, message: String) -> RejectedImage {
        let name = sanitize::sanitize_image(self.name);
        let mut image = format!("`{name}`");
        let places: Vec<_> =
            self.locations.iter().map(|place| sanitize::sanitize_line(place, MAX_REASON_CHARS)).collect();
        if !places.is_empty() {
            image.push_str(&format!(" ({})", sanitize::sanitize_line(&places.join(", "), MAX_REASON_CHARS)));
        }
        let reason = match &self.decision {
            Decision::Deny(denied) => denied.reason.as_str(),
            _ => "undecided",
        };
        RejectedImage { image, name, reason, message: sanitize::sanitize_line(&message, MAX_REASON_CHARS) }
    }
}

/// Whether there are more images than one review may name.
pub fn exceeds_image_limit(images: &[Image]) -> bool {
    unique_images(images).len() > MAX_IMAGES
}

/// Every refused image with its reason, on one line.
pub fn rejection_message(refused: &[RejectedImage], all: usize) -> String {
    let lines: Vec<_> = refused.iter().map(|refused| format!("{}: {}", refused.image, refused.message)).collect();
    match (&*lines, all) {
        ([line], 1) => format!("the image {line}"),
        _ => format!("{} of {all} images are refused: {}", lines.len(), lines.join("; ")),
    }
}

/// The stable code of a denial: that of all that is refused, where it is the same.
pub fn rejection_code(refused: &[RejectedImage]) -> &'static str {
    match refused {
        [] => "matched",
        [first, others @ ..] if others.iter().all(|other| other.reason == first.reason) => first.reason,
        _ => "several",
    }
}

/// Each image once, in the order in which they first stand, with all of its places. What is left open is left out.
fn unique_images(images: &[Image]) -> Vec<(&str, Vec<&str>)> {
    let mut different: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut indices = HashMap::new();
    for image in images.iter().filter(|image| !image.is_unset()) {
        let index = *indices.entry(&*image.name).or_insert(different.len());
        match different.get_mut(index) {
            Some((_, places)) => places.push(&image.location),
            None => different.push((&image.name, vec![&image.location])),
        }
    }
    different.iter_mut().for_each(|(_, places)| places.retain(|place| !place.is_empty()));
    different
}

fn timeout_denial() -> Decision<'static> {
    let text = format!("not decided within {} seconds", DECISION_TIMEOUT.as_secs());
    Decision::Deny(Deny { reason: DenialReason::TimeOut, text, nearest: None })
}
