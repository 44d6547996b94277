//! Human-readable rendering of decisions and explanations.

use pullgate::{
    Attempt, Decision, Deny, DnsQuery, EntryList, LookupKind, MatchedEntry, NearestEntry, Response, Scheme, Step,
    TrustAnchor,
};

use crate::output::{BAD_STYLE, GOOD_STYLE, LABEL_STYLE, WARNING_STYLE, escape_for_terminal, styled};
use pullgate_source::PolicySource;

/// Describes an undecided response.
const UNDECIDED_REASON: &str = "it depends on DNS, and there was no answer";

/// The context in which decisions are rendered.
pub struct DecisionRenderer<'a> {
    /// The policy, for the flags of its entries.
    pub document: &'a PolicySource,
    /// The trust anchors of the policy, for their titles.
    pub authorities: &'a [TrustAnchor],
    /// True unless DNS is off.
    pub asks_dns: bool,
}

impl DecisionRenderer<'_> {
    /// Renders a decision as text: a line with the verdict, and labelled values below it; the steps if it is explained.
    pub fn to_text(&self, response: &Response<'_>, steps: &[Step<'_>]) -> String {
        let mut block = TextBlock::new(&verdict_line(response));
        if steps.is_empty() {
            block.row("registry", response.registry.as_deref().map(escape_for_terminal));
            block.row("repository", response.repository.as_deref().map(escape_for_terminal));
            self.summary(&response.decision, &mut block);
        } else {
            for step in steps {
                block.row(step.kind.as_str(), Some(step_line(step, self.document)));
            }
        }
        block.text
    }

    fn summary(&self, decision: &Decision<'_>, block: &mut TextBlock) {
        match decision {
            Decision::Allow(allowed) => {
                block.row("by", Some(allowed_by(allowed.by.as_ref(), self.document)));
                let attempts = allowed.attempts.iter().map(describe_attempt).collect::<Vec<_>>();
                block.row("reached by", Some(attempts.join(", then ")));
                for digest in &allowed.authorities {
                    let known = self.authorities.iter().find(|authority| authority.fingerprint == *digest);
                    let title = known.map_or("", |authority| &authority.title);
                    block.row(
                        "trusting",
                        Some(format!("the policy's `{}`, sha256:{digest}", escape_for_terminal(title))),
                    );
                }
                block.row("only at", comma_list(&allowed.pinned, |address| escape_for_terminal(address)));
            }
            Decision::Deny(Deny { text, by, nearest, .. }) => {
                block.row("why", Some(escape_for_terminal(text)));
                block.row("by", by.as_ref().map(|by| describe_entry(by, self.document)));
                block.row("nearest", nearest.as_ref().map(|nearest| describe_nearest(nearest, self.document)));
            }
            Decision::Lookup(queries) => {
                block.row("why", Some(UNDECIDED_REASON.to_owned()));
                for query in queries {
                    block.row("question", Some(describe_query(query)));
                }
                let flag = if self.asks_dns { "" } else { ", or leave `--no-dns` out" };
                block.row("help", Some(format!("give the answer with `--dns-answer`{flag}")));
            }
        }
    }
}

/// Returns the outcome and the deciding entry on one line.
pub fn decision_line(decision: &Decision<'_>, document: &PolicySource) -> String {
    match decision {
        Decision::Allow(allowed) => {
            format!("{} by {}", styled(GOOD_STYLE, "allowed"), allowed_by(allowed.by.as_ref(), document))
        }
        Decision::Deny(Deny { text, by, nearest, .. }) => {
            let nearest = nearest.as_ref().map(|nearest| format!("; {}", describe_nearest(nearest, document)));
            let by = by.as_ref().map(|by| format!(" by {}", describe_entry(by, document)));
            let why = escape_for_terminal(text);
            let (by, nearest) = (by.unwrap_or_default(), nearest.unwrap_or_default());
            format!("{}{by}: {why}{nearest}", styled(BAD_STYLE, "denied"))
        }
        Decision::Lookup(_) => format!("{}: {UNDECIDED_REASON}", styled(WARNING_STYLE, "undecided")),
    }
}

fn allowed_by(by: Option<&MatchedEntry<'_>>, document: &PolicySource) -> String {
    match by {
        Some(by) => describe_entry(by, document),
        None => "no entry: whitelist mode is off, so every registry is allowed".to_owned(),
    }
}

/// Returns the verdict and the reference on one line.
fn verdict_line(response: &Response<'_>) -> String {
    let verdict = match response.decision {
        Decision::Allow(_) => styled(GOOD_STYLE, "allowed"),
        Decision::Deny(_) => styled(BAD_STYLE, "denied"),
        Decision::Lookup(_) => styled(WARNING_STYLE, "undecided"),
    };
    format!("{verdict}  {}", escape_for_terminal(&response.reference))
}

/// Labelled lines with their values in one column.
struct TextBlock {
    text: String,
    label: String,
}

impl TextBlock {
    fn new(title: &str) -> Self {
        Self { text: title.to_owned(), label: String::new() }
    }

    /// Adds a line if there is a value. A label that repeats that of the line above is left blank.
    fn row(&mut self, label: &str, value: Option<String>) {
        let Some(value) = value else { return };
        let shown = if label == self.label { "" } else { label };
        self.text.push_str(&format!("\n  {}  {value}", styled(LABEL_STYLE, format!("{shown:<11}"))));
        label.clone_into(&mut self.label);
    }
}

fn describe_entry(matched: &MatchedEntry<'_>, document: &PolicySource) -> String {
    // The name of the list in the document, not in canonical JSON.
    let list = match matched.list {
        EntryList::Whitelist => "whitelist",
        EntryList::Insecure => "insecure",
        EntryList::BuiltIn => "built_in",
        EntryList::Blocked => "blocked",
    };
    let index = matched.index;
    let mut text = format!("`{}`, {list}[{index}]", escape_for_terminal(&matched.entry));
    match &matched.project {
        Some(project) => text.push_str(&format!(" of project `{}`", escape_for_terminal(project))),
        None => {
            let flag = usize::try_from(index).ok().and_then(|index| document.flag_of(matched.list, index));
            if let Some(flag) = flag {
                text.push_str(&format!(" (from {flag})"));
            }
        }
    }
    text
}

fn describe_nearest(nearest: &NearestEntry<'_>, document: &PolicySource) -> String {
    format!("{}: {}", describe_entry(&nearest.entry, document), escape_for_terminal(&nearest.text))
}

fn describe_attempt(attempt: &Attempt<'_>) -> String {
    let host = attempt.host.as_deref().map(|host| format!(" of {}", escape_for_terminal(host))).unwrap_or_default();
    let port = attempt.port;
    match attempt.scheme {
        Scheme::Https if attempt.verified => format!("https on port {port}{host}, certificate verified"),
        Scheme::Https => format!("https on port {port}{host}, certificate not checked"),
        Scheme::Http => format!("http on port {port}{host}"),
    }
}

fn describe_query(query: &DnsQuery) -> String {
    let subject = escape_for_terminal(&query.subject);
    match query.kind {
        LookupKind::Reverse => format!("which names has {subject}?  --dns-answer {subject}=NAME"),
        LookupKind::Forward => format!("which addresses has {subject}?  --dns-answer {subject}=ADDRESS"),
    }
}

fn step_line(step: &Step<'_>, document: &PolicySource) -> String {
    let mark = match step.matches {
        Some(true) => styled(GOOD_STYLE, "+ "),
        Some(false) => styled(BAD_STYLE, "- "),
        None => String::new(),
    };
    let entry = step.entry.as_ref().map(|entry| format!("{}: ", describe_entry(entry, document))).unwrap_or_default();
    format!("{mark}{entry}{}", escape_for_terminal(&step.text))
}

/// Joins values with commas; `None` if there are none.
fn comma_list(values: &[String], show: impl Fn(&String) -> String) -> Option<String> {
    let shown = values.iter().map(show).collect::<Vec<_>>();
    (!shown.is_empty()).then(|| shown.join(", "))
}
