//! Decides all images of one review by one generation.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use pullgate::{Decision, DenialReason, Deny, DnsAnswer, ReferenceKind};
use tokio::time::{self, timeout_at};

use super::image::{Image, MAX_IMAGES};
use super::{DECISION_TIMEOUT, sanitize};
use crate::admission::enforcement::Enforcement;
use crate::admission::{Admission, AdmissionRequest, AdmissionResponse, DecidedRequest, Frontend, policy_request};
use crate::policy::store::Generation;

/// Concurrent decisions of one review that wait for DNS.
const DNS_CONCURRENCY: usize = 16;

/// Maximum length of the reason for one image in a message, in characters.
const MAX_REASON_CHARS: usize = 600;

/// Maximum length of the list of images in an audit annotation, in characters.
const MAX_ANNOTATION_CHARS: usize = 4_096;

/// The code of a decision by the setting `kubernetes_open_images`.
pub const OPEN_IMAGE: &str = "open-image";

/// The requester and the action of a review.
#[derive(Clone, Copy)]
pub struct ReviewContext<'a> {
    pub admission: &'a Admission,
    pub generation: &'a Generation,
    pub frontend: Frontend,
    /// Names that a template may have, and a pod may not: another webhook replaces them.
    pub open_images: &'a [String],
    pub user: &'a str,
    pub action: &'a str,
    /// The namespace (rule J1). It is without effect, and on record all the same, where the policy has no projects.
    pub project: Option<&'a str>,
}

/// The decision about an image.
pub struct ImageDecision<'a> {
    name: &'a str,
    /// All locations of the image.
    locations: Vec<&'a str>,
    outcome: ImageOutcome,
    took: Duration,
}

/// The outcome of the decision about an image.
enum ImageOutcome {
    Decided(Decision<'static>, Vec<DnsAnswer>),
    /// An open image, which no rule decides.
    Open {
        is_template: bool,
    },
}

/// An image that is denied.
pub struct RejectedImage {
    /// The image with its locations, human-readable.
    pub image: String,
    /// The image alone, human-readable.
    pub name: String,
    /// The stable code.
    pub reason: &'static str,
    /// The reason, human-readable.
    pub message: String,
}

impl<'a> ReviewContext<'a> {
    /// Creates the context of a review, with the generation for all of its decisions.
    pub fn new(
        admission: &'a Admission,
        generation: &'a Generation,
        frontend: Frontend,
        open_images: &'a [String],
        namespace: Option<&'a str>,
    ) -> Self {
        let project = namespace.filter(|namespace| !namespace.is_empty());
        Self { admission, generation, frontend, open_images, user: "", action: "", project }
    }

    /// Returns whether denials are enforced.
    pub fn enforces(&self) -> bool {
        self.admission.enforcement().of(self.frontend) == Enforcement::Deny
    }

    fn admission_request<'q>(&self, reference: &'q str) -> AdmissionRequest<'q>
    where
        'a: 'q,
    {
        let Self { frontend, user, action, project, .. } = *self;
        AdmissionRequest { frontend, user, action, reference, kind: ReferenceKind::Image, project }
    }

    /// Decides every distinct image, without recording.
    pub async fn decide<'i>(&self, images: &'i [Image]) -> Vec<ImageDecision<'i>> {
        let end = time::Instant::now() + DECISION_TIMEOUT;
        let mut deciding = Vec::new();
        let is_template = images.iter().all(|image| image.is_template);
        for (name, places) in unique_images(images) {
            deciding.push(self.decide_one(name, places, is_template, end));
        }
        stream::iter(deciding).buffered(DNS_CONCURRENCY).collect().await
    }

    async fn decide_one<'i>(
        &self,
        name: &'i str,
        places: Vec<&'i str>,
        is_template: bool,
        end: time::Instant,
    ) -> ImageDecision<'i> {
        let start = Instant::now();
        if self.open_images.iter().any(|open| open == name) {
            let outcome = ImageOutcome::Open { is_template };
            return ImageDecision { name, locations: places, outcome, took: Duration::ZERO };
        }
        let asked = self.admission_request(name);
        let request = policy_request(&asked);
        let decided = timeout_at(end, self.generation.evaluator.decide_with_dns_answers(&request)).await;
        let (decision, dns_answers) = decided.unwrap_or_else(|_| (timeout_denial(), Vec::new()));
        let outcome = ImageOutcome::Decided(decision, dns_answers);
        ImageDecision { name, locations: places, outcome, took: start.elapsed() }
    }

    /// Records the decisions. Returns the rejected images, also if that is not enforced.
    pub fn record_decisions(&self, decided: Vec<ImageDecision<'_>>) -> Vec<RejectedImage> {
        let refused = decided.into_iter().filter_map(|decided| {
            let verdict = self.record_decision(&decided);
            verdict.is_denial().then(|| decided.to_rejected(verdict.message))
        });
        refused.collect()
    }

    fn record_decision(&self, decided: &ImageDecision<'_>) -> AdmissionResponse {
        let ask = self.admission_request(decided.name);
        match &decided.outcome {
            ImageOutcome::Decided(decision, dns_answers) => {
                let decided = DecidedRequest { decision, dns_answers, took: decided.took };
                self.admission.record_decision(self.generation, &ask, decided)
            }
            ImageOutcome::Open { is_template } => {
                let message = if *is_template { String::new() } else { open_image_message() };
                let verdict = AdmissionResponse::new(*is_template, message);
                self.admission.record_override(self.generation, &ask, OPEN_IMAGE, verdict)
            }
        }
    }

    /// Records that unchanged images may stay, whatever the current policy says. Returns those that it rejects.
    pub fn record_unchanged(&self, decided: Vec<ImageDecision<'_>>) -> Vec<RejectedImage> {
        let refused = decided.into_iter().filter_map(|decided| match &decided.outcome {
            ImageOutcome::Decided(Decision::Allow(_), _) | ImageOutcome::Open { is_template: true } => {
                self.record_decision(&decided);
                None
            }
            refusal => {
                let message = match refusal {
                    ImageOutcome::Decided(Decision::Deny(denied), _) => denied.text.clone(),
                    ImageOutcome::Decided(..) => "it depends on DNS, which is not asked here".to_owned(),
                    ImageOutcome::Open { .. } => open_image_message(),
                };
                let verdict = AdmissionResponse::new(true, message);
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

    /// Records a decision made without the rules. `reason` is a stable code.
    pub fn record_override(&self, allowed: bool, reason: &'static str, message: &str) {
        let verdict = AdmissionResponse::new(allowed, message.to_owned());
        self.admission.record_override(self.generation, &self.admission_request(""), reason, verdict);
    }

    /// Returns the annotations for the API server's audit log. `allowed` is the decision before enforcement.
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
        if !allowed && !self.enforces() {
            annotations.insert("enforced", "false".to_owned());
        }
        if !refused.is_empty() {
            let names: Vec<_> = refused.iter().map(|refused| &*refused.name).collect();
            annotations.insert("refused", sanitize::sanitize_line(&names.join(", "), MAX_ANNOTATION_CHARS));
        }
        annotations
    }
}

impl ImageDecision<'_> {
    /// Returns whether the image is open, so that no rule decided it.
    pub fn is_open(&self) -> bool {
        matches!(self.outcome, ImageOutcome::Open { .. })
    }

    fn to_rejected(&self, message: String) -> RejectedImage {
        let name = sanitize::sanitize_image(self.name);
        let mut image = format!("`{name}`");
        let places: Vec<_> =
            self.locations.iter().map(|place| sanitize::sanitize_line(place, MAX_REASON_CHARS)).collect();
        if !places.is_empty() {
            image.push_str(&format!(" ({})", sanitize::sanitize_line(&places.join(", "), MAX_REASON_CHARS)));
        }
        let reason = match &self.outcome {
            ImageOutcome::Decided(Decision::Deny(denied), _) => denied.reason.as_str(),
            ImageOutcome::Decided(..) => "undecided",
            ImageOutcome::Open { .. } => OPEN_IMAGE,
        };
        RejectedImage { image, name, reason, message: sanitize::sanitize_line(&message, MAX_REASON_CHARS) }
    }
}

/// Returns whether there are more distinct images than one review may have.
pub fn exceeds_image_limit(images: &[Image]) -> bool {
    unique_images(images).len() > MAX_IMAGES
}

/// Formats all rejected images with their reasons on one line.
pub fn rejection_message(refused: &[RejectedImage], all: usize) -> String {
    let lines: Vec<_> = refused.iter().map(|refused| format!("{}: {}", refused.image, refused.message)).collect();
    match (&*lines, all) {
        ([line], 1) => format!("the image {line}"),
        _ => format!("{} of {all} images are refused: {}", lines.len(), lines.join("; ")),
    }
}

/// Returns the stable code of a denial: that of the rejected images if they share one.
pub fn rejection_code(refused: &[RejectedImage]) -> &'static str {
    match refused {
        [] => "matched",
        [first, others @ ..] if others.iter().all(|other| other.reason == first.reason) => first.reason,
        _ => "several",
    }
}

/// Returns the distinct images in order of first appearance, each with its locations. Unset images are omitted.
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

fn open_image_message() -> String {
    "it stands for an image that another webhook puts in its place, and none did (setting `kubernetes_open_images`)"
        .to_owned()
}

fn timeout_denial() -> Decision<'static> {
    let text = format!("not decided within {} seconds", DECISION_TIMEOUT.as_secs());
    Decision::Deny(Deny { reason: DenialReason::TimeOut, text, by: None, nearest: None })
}
