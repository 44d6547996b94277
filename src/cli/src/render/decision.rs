//! Answers for people.

use pullgate::{EntryList, TrustAnchor};
use serde::Deserialize;

use crate::output::{BAD_STYLE, GOOD_STYLE, LABEL_STYLE, WARNING_STYLE, escape_for_terminal, styled};
use pullgate_source::PolicySource;

/// A canonical answer, and the steps of an explanation. What people see comes from the very text that programs get.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrintedResponse {
    reference: String,
    registry: Option<String>,
    repository: Option<String>,
    pub decision: DecisionKind,
    reason: Option<String>,
    text: Option<String>,
    by: Option<MatchedEntry>,
    nearest: Option<NearestEntry>,
    #[serde(default)]
    attempts: Vec<Attempt>,
    #[serde(default)]
    authorities: Vec<String>,
    #[serde(default)]
    pinned: Vec<String>,
    #[serde(default)]
    questions: Vec<DnsQuery>,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionKind {
    Allow,
    Deny,
    Lookup,
}

#[derive(Deserialize)]
struct MatchedEntry {
    list: EntryList,
    index: usize,
    entry: String,
    project: Option<String>,
}

#[derive(Deserialize)]
struct NearestEntry {
    #[serde(flatten)]
    entry: MatchedEntry,
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
struct DnsQuery {
    kind: pullgate::LookupKind,
    subject: String,
}

#[derive(Deserialize)]
struct Step {
    topic: String,
    entry: Option<MatchedEntry>,
    covers: Option<bool>,
    text: String,
}

impl PrintedResponse {
    /// The answer as a person reads it: a line with the verdict, and lines of labels and values below it.
    pub fn to_text(&self, document: &PolicySource, authorities: &[TrustAnchor], asks_dns: bool) -> String {
        let mut block = TextBlock::new(&self.verdict_line());
        if self.steps.is_empty() {
            block.row("registry", self.registry.as_deref().map(escape_for_terminal));
            block.row("repository", self.repository.as_deref().map(escape_for_terminal));
            self.summary(document, authorities, asks_dns, &mut block);
        } else {
            for step in &self.steps {
                block.row(&step.topic, Some(step.to_line(document)));
            }
        }
        block.text
    }

    /// What decided, on one line.
    pub fn decision_line(&self, document: &PolicySource) -> String {
        match self.decision {
            DecisionKind::Allow => format!("{} by {}", styled(GOOD_STYLE, "allowed"), self.allowed_by(document)),
            DecisionKind::Deny => {
                let why = self.text.as_deref().or(self.reason.as_deref()).map(escape_for_terminal).unwrap_or_default();
                let nearest = self.nearest.as_ref();
                let nearest = nearest
                    .map(|near| format!("; {}: {}", near.entry.describe(document), escape_for_terminal(&near.text)));
                format!("{}: {why}{}", styled(BAD_STYLE, "denied"), nearest.unwrap_or_default())
            }
            DecisionKind::Lookup => {
                format!("{}: it depends on DNS, and there was no answer", styled(WARNING_STYLE, "undecided"))
            }
        }
    }

    fn allowed_by(&self, document: &PolicySource) -> String {
        match &self.by {
            Some(by) => by.describe(document),
            None => "no entry: whitelist mode is off, so every registry is allowed".to_owned(),
        }
    }

    /// The verdict and what was asked about.
    fn verdict_line(&self) -> String {
        let verdict = match self.decision {
            DecisionKind::Allow => styled(GOOD_STYLE, "allowed"),
            DecisionKind::Deny => styled(BAD_STYLE, "denied"),
            DecisionKind::Lookup => styled(WARNING_STYLE, "undecided"),
        };
        format!("{verdict}  {}", escape_for_terminal(&self.reference))
    }

    fn summary(&self, document: &PolicySource, authorities: &[TrustAnchor], asks_dns: bool, block: &mut TextBlock) {
        match self.decision {
            DecisionKind::Allow => {
                block.row("by", Some(self.allowed_by(document)));
                let attempts = self.attempts.iter().map(Attempt::describe).collect::<Vec<_>>();
                block.row("reached by", Some(attempts.join(", then ")));
                for digest in &self.authorities {
                    let known = authorities.iter().find(|authority| authority.fingerprint == *digest);
                    let title = known.map_or("", |authority| &authority.title);
                    block.row(
                        "trusting",
                        Some(format!("the policy's `{}`, sha256:{digest}", escape_for_terminal(title))),
                    );
                }
                block.row("only at", comma_list(&self.pinned, |address| escape_for_terminal(address)));
            }
            DecisionKind::Deny => {
                block.row("why", self.text.as_deref().or(self.reason.as_deref()).map(escape_for_terminal));
                let nearest = self.nearest.as_ref();
                block.row(
                    "nearest",
                    nearest
                        .map(|near| format!("{}: {}", near.entry.describe(document), escape_for_terminal(&near.text))),
                );
            }
            DecisionKind::Lookup => {
                block.row("why", Some("it depends on DNS, and there was no answer".to_owned()));
                for question in &self.questions {
                    block.row("question", Some(question.describe()));
                }
                let flag = if asks_dns { "" } else { ", or leave `--no-dns` out" };
                block.row("help", Some(format!("give the answer with `--dns-answer`{flag}")));
            }
        }
    }
}

/// Lines with labels, the values one below the other.
struct TextBlock {
    text: String,
    label: String,
}

impl TextBlock {
    fn new(title: &str) -> Self {
        Self { text: title.to_owned(), label: String::new() }
    }

    /// Adds a line, if there is something to say. A label that is that of the line above is not repeated.
    fn row(&mut self, label: &str, value: Option<String>) {
        let Some(value) = value else { return };
        let shown = if label == self.label { "" } else { label };
        self.text.push_str(&format!("\n  {}  {value}", styled(LABEL_STYLE, format!("{shown:<11}"))));
        label.clone_into(&mut self.label);
    }
}

impl MatchedEntry {
    fn describe(&self, document: &PolicySource) -> String {
        let list = match self.list {
            EntryList::Whitelist => "whitelist",
            EntryList::Insecure => "insecure",
            EntryList::BuiltIn => "built_in",
        };
        let mut text = format!("`{}`, {list}[{}]", escape_for_terminal(&self.entry), self.index);
        match &self.project {
            Some(project) => text.push_str(&format!(" of project `{}`", escape_for_terminal(project))),
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
    fn describe(&self) -> String {
        let host = self.host.as_deref().map(|host| format!(" of {}", escape_for_terminal(host))).unwrap_or_default();
        match self.scheme {
            pullgate::Scheme::Https if self.verified => {
                format!("https on port {}{host}, certificate verified", self.port)
            }
            pullgate::Scheme::Https => format!("https on port {}{host}, certificate not checked", self.port),
            pullgate::Scheme::Http => format!("http on port {}{host}", self.port),
        }
    }
}

impl DnsQuery {
    fn describe(&self) -> String {
        let subject = escape_for_terminal(&self.subject);
        match self.kind {
            pullgate::LookupKind::Reverse => format!("which names has {subject}?  --dns-answer {subject}=NAME"),
            pullgate::LookupKind::Forward => format!("which addresses has {subject}?  --dns-answer {subject}=ADDRESS"),
        }
    }
}

impl Step {
    fn to_line(&self, document: &PolicySource) -> String {
        let mark = match self.covers {
            Some(true) => styled(GOOD_STYLE, "+ "),
            Some(false) => styled(BAD_STYLE, "- "),
            None => String::new(),
        };
        let entry = self.entry.as_ref().map(|entry| format!("{}: ", entry.describe(document))).unwrap_or_default();
        format!("{mark}{entry}{}", escape_for_terminal(&self.text))
    }
}

/// Values with commas, none if there are none.
fn comma_list(values: &[String], show: impl Fn(&String) -> String) -> Option<String> {
    let shown = values.iter().map(show).collect::<Vec<_>>();
    (!shown.is_empty()).then(|| shown.join(", "))
}
