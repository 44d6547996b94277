//! Answers for people.

use pullgate::{Authority, List};
use serde::Deserialize;

use crate::output::{BAD, GOOD, LABEL, UNSURE, styled, visible};
use pullgate_source::Document;

/// A canonical answer, and the steps of an explanation. What people see comes from the very text that programs get.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    reference: String,
    registry: Option<String>,
    repository: Option<String>,
    pub decision: Decision,
    reason: Option<String>,
    text: Option<String>,
    by: Option<Matched>,
    nearest: Option<Nearest>,
    #[serde(default)]
    attempts: Vec<Attempt>,
    #[serde(default)]
    authorities: Vec<String>,
    #[serde(default)]
    pinned: Vec<String>,
    #[serde(default)]
    questions: Vec<Question>,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    Allow,
    Deny,
    Lookup,
}

#[derive(Deserialize)]
struct Matched {
    list: List,
    index: usize,
    entry: String,
    project: Option<String>,
}

#[derive(Deserialize)]
struct Nearest {
    #[serde(flatten)]
    entry: Matched,
    text: String,
}

#[derive(Deserialize)]
struct Attempt {
    scheme: pullgate::Scheme,
    port: u16,
    verified: bool,
    host: Option<String>,
}

#[derive(Deserialize)]
struct Question {
    kind: pullgate::QuestionKind,
    subject: String,
}

#[derive(Deserialize)]
struct Step {
    topic: String,
    entry: Option<Matched>,
    covers: Option<bool>,
    text: String,
}

impl Answer {
    /// The answer as a person reads it: a line with the verdict, and lines of labels and values below it.
    pub fn block(&self, document: &Document, authorities: &[Authority], asks_dns: bool) -> String {
        let mut block = Block::new(&self.verdict());
        if self.steps.is_empty() {
            block.row("registry", self.registry.as_deref().map(visible));
            block.row("repository", self.repository.as_deref().map(visible));
            self.summary(document, authorities, asks_dns, &mut block);
        } else {
            for step in &self.steps {
                block.row(&step.topic, Some(step.line(document)));
            }
        }
        block.text
    }

    /// What decided, on one line.
    pub fn decided(&self, document: &Document) -> String {
        match self.decision {
            Decision::Allow => format!("{} by {}", styled(GOOD, "allowed"), self.allowed_by(document)),
            Decision::Deny => {
                let why = self.text.as_deref().or(self.reason.as_deref()).map(visible).unwrap_or_default();
                let nearest = self.nearest.as_ref();
                let nearest = nearest.map(|near| format!("; {}: {}", near.entry.named(document), visible(&near.text)));
                format!("{}: {why}{}", styled(BAD, "denied"), nearest.unwrap_or_default())
            }
            Decision::Lookup => format!("{}: it depends on DNS, and there was no answer", styled(UNSURE, "undecided")),
        }
    }

    fn allowed_by(&self, document: &Document) -> String {
        match &self.by {
            Some(by) => by.named(document),
            None => "no entry: whitelist mode is off, so every registry is allowed".to_owned(),
        }
    }

    /// The verdict and what was asked about.
    fn verdict(&self) -> String {
        let verdict = match self.decision {
            Decision::Allow => styled(GOOD, "allowed"),
            Decision::Deny => styled(BAD, "denied"),
            Decision::Lookup => styled(UNSURE, "undecided"),
        };
        format!("{verdict}  {}", visible(&self.reference))
    }

    fn summary(&self, document: &Document, authorities: &[Authority], asks_dns: bool, block: &mut Block) {
        match self.decision {
            Decision::Allow => {
                block.row("by", Some(self.allowed_by(document)));
                let attempts = self.attempts.iter().map(Attempt::words).collect::<Vec<_>>();
                block.row("reached by", Some(attempts.join(", then ")));
                for digest in &self.authorities {
                    let known = authorities.iter().find(|authority| authority.fingerprint == *digest);
                    let title = known.map_or("", |authority| &authority.title);
                    block.row("trusting", Some(format!("the policy's `{}`, sha256:{digest}", visible(title))));
                }
                block.row("only at", list(&self.pinned, |address| visible(address)));
            }
            Decision::Deny => {
                block.row("why", self.text.as_deref().or(self.reason.as_deref()).map(visible));
                let nearest = self.nearest.as_ref();
                block.row(
                    "nearest",
                    nearest.map(|near| format!("{}: {}", near.entry.named(document), visible(&near.text))),
                );
            }
            Decision::Lookup => {
                block.row("why", Some("it depends on DNS, and there was no answer".to_owned()));
                for question in &self.questions {
                    block.row("question", Some(question.words()));
                }
                let flag = if asks_dns { "" } else { ", or leave `--no-dns` out" };
                block.row("help", Some(format!("give the answer with `--fact`{flag}")));
            }
        }
    }
}

/// Lines with labels, the values one below the other.
struct Block {
    text: String,
    label: String,
}

impl Block {
    fn new(title: &str) -> Self {
        Self { text: title.to_owned(), label: String::new() }
    }

    /// Adds a line, if there is something to say. A label that is that of the line above is not repeated.
    fn row(&mut self, label: &str, value: Option<String>) {
        let Some(value) = value else { return };
        let shown = if label == self.label { "" } else { label };
        self.text.push_str(&format!("\n  {}  {value}", styled(LABEL, format!("{shown:<11}"))));
        label.clone_into(&mut self.label);
    }
}

impl Matched {
    fn named(&self, document: &Document) -> String {
        let list = match self.list {
            List::Whitelist => "whitelist",
            List::Insecure => "insecure",
            List::BuiltIn => "built_in",
        };
        let mut text = format!("`{}`, {list}[{}]", visible(&self.entry), self.index);
        match &self.project {
            Some(project) => text.push_str(&format!(" of project `{}`", visible(project))),
            None => {
                if let Some(flag) = document.flag_of(self.list, self.index) {
                    text.push_str(&format!(" (from {flag})"));
                }
            }
        }
        text
    }
}

impl Attempt {
    fn words(&self) -> String {
        let host = self.host.as_deref().map(|host| format!(" of {}", visible(host))).unwrap_or_default();
        match self.scheme {
            pullgate::Scheme::Https if self.verified => {
                format!("https on port {}{host}, certificate verified", self.port)
            }
            pullgate::Scheme::Https => format!("https on port {}{host}, certificate not checked", self.port),
            pullgate::Scheme::Http => format!("http on port {}{host}", self.port),
        }
    }
}

impl Question {
    fn words(&self) -> String {
        let subject = visible(&self.subject);
        match self.kind {
            pullgate::QuestionKind::NamesOf => format!("which names has {subject}?  --fact {subject}=NAME"),
            pullgate::QuestionKind::AddressesOf => format!("which addresses has {subject}?  --fact {subject}=ADDRESS"),
        }
    }
}

impl Step {
    fn line(&self, document: &Document) -> String {
        let mark = match self.covers {
            Some(true) => styled(GOOD, "+ "),
            Some(false) => styled(BAD, "- "),
            None => String::new(),
        };
        let entry = self.entry.as_ref().map(|entry| format!("{}: ", entry.named(document))).unwrap_or_default();
        format!("{mark}{entry}{}", visible(&self.text))
    }
}

/// Values with commas, none if there are none.
fn list(values: &[String], show: impl Fn(&String) -> String) -> Option<String> {
    let shown = values.iter().map(show).collect::<Vec<_>>();
    (!shown.is_empty()).then(|| shown.join(", "))
}
