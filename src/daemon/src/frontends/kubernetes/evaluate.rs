//! Decides the images of one review, all by one policy.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use pullgate::{Decision, Denial, Denied, ReferenceKind};
use tokio::time::{self, timeout_at};

use super::image::{Image, MOST};
use super::{LONGEST, sanitize};
use crate::admission::{Admission, Ask, Door, Verdict, request};
use crate::policy::store::Generation;

/// How many of them wait for DNS at once.
const WAITING: usize = 16;

/// The longest reason of one image in a message, in characters.
const REASON: usize = 600;

/// The longest list of images in an audit annotation, in characters.
const LISTED: usize = 4_096;

/// Who asks, and for what.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub admission: &'a Admission,
    pub generation: &'a Generation,
    pub door: Door,
    pub user: &'a str,
    pub action: &'a str,
    /// The namespace, where the policy has projects (rule J1).
    pub project: Option<&'a str>,
}

/// An image and what the policy says of it.
pub struct Decided<'a> {
    name: &'a str,
    /// Everywhere it stands.
    places: Vec<&'a str>,
    decision: Decision<'static>,
    took: Duration,
}

/// An image that is refused.
pub struct Refused {
    /// The image and where it stands, for a person.
    pub image: String,
    /// The image alone, for a person.
    pub name: String,
    /// The stable code.
    pub reason: &'static str,
    /// Why, for a person.
    pub message: String,
}

impl<'a> Context<'a> {
    /// Where a review came in. The policy is the one for all of its questions.
    pub fn new(admission: &'a Admission, generation: &'a Generation, door: Door, namespace: Option<&'a str>) -> Self {
        let project = namespace.filter(|namespace| generation.has_projects() && !namespace.is_empty());
        Self { admission, generation, door, user: "", action: "", project }
    }

    fn ask<'q>(&self, reference: &'q str) -> Ask<'q>
    where
        'a: 'q,
    {
        let Self { door, user, action, project, .. } = *self;
        Ask { door, user, action, reference, kind: ReferenceKind::Image, project }
    }

    /// Asks the policy about every image once. Nothing is recorded yet.
    pub async fn decide<'i>(&self, images: &'i [Image]) -> Vec<Decided<'i>> {
        let end = time::Instant::now() + LONGEST;
        let mut deciding = Vec::new();
        for (name, places) in different(images) {
            deciding.push(self.decide_one(name, places, end));
        }
        stream::iter(deciding).buffered(WAITING).collect().await
    }

    async fn decide_one<'i>(&self, name: &'i str, places: Vec<&'i str>, end: time::Instant) -> Decided<'i> {
        let start = Instant::now();
        let asked = self.ask(name);
        let request = request(&asked);
        let decision = timeout_at(end, self.generation.gate.decide(&request)).await;
        Decided { name, places, decision: decision.unwrap_or_else(|_| too_late()), took: start.elapsed() }
    }

    /// Records what was decided. What comes back is what is refused.
    pub fn record(&self, decided: Vec<Decided<'_>>) -> Vec<Refused> {
        let refused = decided.into_iter().filter_map(|decided| {
            let verdict =
                self.admission.finish(self.generation, &self.ask(decided.name), &decided.decision, decided.took);
            (!verdict.allowed).then(|| decided.refused(verdict.message))
        });
        refused.collect()
    }

    /// Records that images are allowed to stay, whatever the policy says of them now. What comes back is what it refuses.
    pub fn let_stay(&self, decided: Vec<Decided<'_>>) -> Vec<Refused> {
        let refused = decided.into_iter().filter_map(|decided| match &decided.decision {
            Decision::Allow(_) => {
                self.admission.finish(self.generation, &self.ask(decided.name), &decided.decision, decided.took);
                None
            }
            refusal => {
                let message = match refusal {
                    Decision::Deny(denied) => denied.text.clone(),
                    _ => "it depends on DNS, which is not asked here".to_owned(),
                };
                let verdict = Verdict { allowed: true, message };
                let verdict = self.admission.settle(self.generation, &self.ask(decided.name), "unchanged", verdict);
                Some(decided.refused(verdict.message))
            }
        });
        refused.collect()
    }

    /// Records what is decided without the rules. `reason` is a stable code.
    pub fn settle(&self, allowed: bool, reason: &'static str, message: &str) {
        let verdict = Verdict { allowed, message: message.to_owned() };
        self.admission.settle(self.generation, &self.ask(""), reason, verdict);
    }

    /// What the API server's audit log is told.
    pub fn annotations(&self, allowed: bool, reason: &str, refused: &[Refused]) -> BTreeMap<&'static str, String> {
        let mut annotations = BTreeMap::from([
            ("decision", if allowed { "allow" } else { "deny" }.to_owned()),
            ("generation", self.generation.number.to_string()),
            ("module", self.admission.policies().module().digest().to_owned()),
            ("policy", self.generation.sha256.clone()),
            ("reason", reason.to_owned()),
        ]);
        if !refused.is_empty() {
            let names: Vec<_> = refused.iter().map(|refused| &*refused.name).collect();
            annotations.insert("refused", sanitize::line(&names.join(", "), LISTED));
        }
        annotations
    }
}

impl Decided<'_> {
    fn refused(&self, message: String) -> Refused {
        let name = sanitize::image(self.name);
        let mut image = format!("`{name}`");
        let places: Vec<_> = self.places.iter().map(|place| sanitize::line(place, REASON)).collect();
        if !places.is_empty() {
            image.push_str(&format!(" ({})", sanitize::line(&places.join(", "), REASON)));
        }
        let reason = match &self.decision {
            Decision::Deny(denied) => denied.reason.as_str(),
            _ => "undecided",
        };
        Refused { image, name, reason, message: sanitize::line(&message, REASON) }
    }
}

/// Whether there are more images than one review may name.
pub fn are_too_many(images: &[Image]) -> bool {
    different(images).len() > MOST
}

/// Every refused image with its reason, on one line.
pub fn message(refused: &[Refused], all: usize) -> String {
    let lines: Vec<_> = refused.iter().map(|refused| format!("{}: {}", refused.image, refused.message)).collect();
    match (&*lines, all) {
        ([line], 1) => format!("the image {line}"),
        _ => format!("{} of {all} images are refused: {}", lines.len(), lines.join("; ")),
    }
}

/// The stable code of a denial: that of all that is refused, where it is the same.
pub fn reason(refused: &[Refused]) -> &'static str {
    match refused {
        [] => "matched",
        [first, others @ ..] if others.iter().all(|other| other.reason == first.reason) => first.reason,
        _ => "several",
    }
}

/// Each image once, in the order in which they first stand, with all of its places. What is left open is left out.
fn different(images: &[Image]) -> Vec<(&str, Vec<&str>)> {
    let mut different: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut indices = HashMap::new();
    for image in images.iter().filter(|image| !image.is_open()) {
        let index = *indices.entry(&*image.name).or_insert(different.len());
        match different.get_mut(index) {
            Some((_, places)) => places.push(&image.place),
            None => different.push((&image.name, vec![&image.place])),
        }
    }
    different.iter_mut().for_each(|(_, places)| places.retain(|place| !place.is_empty()));
    different
}

fn too_late() -> Decision<'static> {
    let text = format!("not decided within {} seconds", LONGEST.as_secs());
    Decision::Deny(Denied { reason: Denial::TimeOut, text, nearest: None })
}
