//! Random cases in the form of the vectors, for surfaces that are to answer alike (rule D4).

use arbitrary::{Result, Unstructured};
use fastrand::Rng;
use pullgate_tests::universe;
use pullgate_tests::vectors::AT;
use serde_json::{Value, json};

use crate::decisions::settle;
use crate::mutation::Mutator;
use crate::{generate, seeds, text_of};

/// The lists that an entry is checked for.
const LISTS: [&str; 4] = ["whitelist", "insecure", "built-in", "blocked"];

/// The number of requests to a policy.
const REQUESTS: usize = 8;

/// The number of bytes that a policy with its requests is drawn from.
const DRAWN_BYTES: usize = 1_024;

/// A source of cases. The same seed gives the same ones.
pub struct CaseGenerator {
    random: Rng,
    number: u64,
    entries: Mutator,
    references: Mutator,
    documents: Mutator,
    bundles: Mutator,
}

impl CaseGenerator {
    /// Creates a source.
    pub fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            number: 0,
            entries: Mutator::new(seeds::entries(), seed),
            references: Mutator::new(seeds::references(), seed),
            documents: Mutator::new(seeds::documents(), seed),
            bundles: Mutator::new(seeds::bundles(), seed),
        }
    }

    /// Returns the next case, as it stands in a file of vectors.
    pub fn next_case(&mut self) -> Value {
        self.number += 1;
        let mut case = match self.random.u8(..16) {
            0..=5 => self.entry(),
            6 | 7 => json!({ "documentText": text_of(&self.documents.next_input()) }),
            8 => self.bundle(),
            9 => self.change(),
            _ => self.policy(),
        };
        case["rule"] = json!("D4");
        case["name"] = json!(self.number.to_string());
        case["at"] = json!(*self.random.choice(&[0, AT, 2 * AT]).unwrap_or(&AT));
        case
    }

    fn entry(&mut self) -> Value {
        let input = self.entries.next_input();
        let (first, text) = input.split_first().unwrap_or((&0, &[]));
        json!({ "entry": { "text": text_of(text), "list": LISTS[usize::from(first % 4)] } })
    }

    fn bundle(&mut self) -> Value {
        let digits: String = self.bundles.next_input().iter().map(|byte| format!("{byte:02x}")).collect();
        json!({ "pem": { "hex": digits } })
    }

    /// Returns a comparison of two policies, and one narrowed by the other.
    fn change(&mut self) -> Value {
        let [old, new] = [self.bytes(), self.bytes()].map(|bytes| {
            let lists = generate::lists(&mut Unstructured::new(&bytes)).unwrap_or_default();
            parsed(&universe::document(&lists))
        });
        json!({ "compare": { "old": old, "new": new }, "narrow": { "policy": old, "remote": new } })
    }

    /// Returns a policy with requests, half of them texts of any kind.
    fn policy(&mut self) -> Value {
        let bytes = self.bytes();
        // Bytes that are used up give the first of every choice, so there is no error.
        let (document, mut requests) =
            drawn_policy(&mut Unstructured::new(&bytes)).unwrap_or_else(|_| ("{}".to_owned(), Vec::new()));
        while requests.len() < REQUESTS {
            let input = self.references.next_input();
            let (first, text) = input.split_first().unwrap_or((&0, &[]));
            let kind = if first % 2 == 0 { "reference" } else { "login" };
            requests.push(json!({ kind: text_of(text), "expect": {} }));
        }
        json!({ "policy": parsed(&document), "requests": requests })
    }

    fn bytes(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; DRAWN_BYTES];
        self.random.fill(&mut bytes);
        bytes
    }
}

/// Draws a policy, and requests to it: with every answer of DNS, and without any.
fn drawn_policy(bytes: &mut Unstructured<'_>) -> Result<(String, Vec<Value>)> {
    let lists = generate::lists(bytes)?;
    let (document, mut requests) = (universe::document(&lists), Vec::new());
    let Some(policy) = universe::load(&lists) else { return Ok((document, requests)) };
    for _ in 0..REQUESTS / 4 {
        let asked = generate::asked(bytes)?;
        let world = generate::world(bytes, &asked.host)?;
        let text = universe::reference(&asked);
        let (_, answers) = settle(&policy, &asked, &text, &world);
        let answers: serde_json::Map<String, Value> =
            answers.into_iter().map(|answer| (answer.subject, answer.answers.into())).collect();
        let kind = if asked.repository.is_some() { "reference" } else { "login" };
        for answers in [answers, serde_json::Map::new()] {
            let mut request = json!({ kind: text, "dnsAnswers": answers, "expect": {} });
            if let Some(project) = &asked.project {
                request["project"] = json!(project);
            }
            requests.push(request);
        }
    }
    Ok((document, requests))
}

fn parsed(document: &str) -> Value {
    serde_json::from_str(document).unwrap_or_default()
}
