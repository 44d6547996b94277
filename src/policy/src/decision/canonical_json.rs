//! The canonical text of an answer (rule D4): one line of JSON. Members that do not apply are left out; their order is
//! fixed.

use crate::decision::{
    Answer, Attempt, Decision, Explanation, Matched, Miss, Question, QuestionKind, Scheme, Step, Topic,
};
use crate::util::json_writer::Writer;

impl Answer<'_> {
    /// The canonical text: one line of JSON, without a line end (rule D4).
    pub fn to_json(&self) -> String {
        write(self, None)
    }
}

impl Explanation<'_> {
    /// The answer and its steps as one line of JSON.
    pub fn to_json(&self) -> String {
        write(&self.answer, Some(&self.steps))
    }
}

fn write(answer: &Answer<'_>, steps: Option<&[Step<'_>]>) -> String {
    let mut out = Writer::default();
    out.begin('{');
    out.member("reference", &answer.reference);
    out.optional("registry", answer.registry.as_deref());
    out.optional("repository", answer.repository.as_deref());
    match &answer.decision {
        Decision::Allow(allowed) => {
            out.member("decision", "allow");
            if let Some(by) = &allowed.by {
                out.name("by");
                matched(&mut out, by);
                out.end('}');
            }
            list(&mut out, "attempts", &allowed.attempts, attempt);
            list(&mut out, "authorities", &allowed.authorities, |out, authority| out.string(authority));
            list(&mut out, "pinned", &allowed.pinned, |out, address| out.string(address));
        }
        Decision::Deny(denied) => {
            out.member("decision", "deny");
            out.member("reason", denied.reason.as_str());
            out.member("text", &denied.text);
            if let Some(nearest) = &denied.nearest {
                out.name("nearest");
                matched(&mut out, &nearest.entry);
                out.member("miss", miss(nearest.miss));
                out.member("text", &nearest.text);
                out.end('}');
            }
        }
        Decision::Lookup(questions) => {
            out.member("decision", "lookup");
            list(&mut out, "questions", questions, question);
        }
    }
    if let Some(steps) = steps {
        out.name("steps");
        out.begin('[');
        steps.iter().for_each(|each| step(&mut out, each));
        out.end(']');
    }
    out.end('}');
    out.into_text()
}

/// A member with a list, left out where the list is empty.
fn list<T>(out: &mut Writer, name: &str, elements: &[T], write: fn(&mut Writer, &T)) {
    if elements.is_empty() {
        return;
    }
    out.name(name);
    out.begin('[');
    elements.iter().for_each(|element| write(out, element));
    out.end(']');
}

/// The members of an entry, in an object that is still open.
fn matched(out: &mut Writer, matched: &Matched<'_>) {
    out.begin('{');
    out.member("list", matched.list.as_str());
    out.name("index");
    out.number(matched.index);
    out.member("entry", &matched.entry);
    out.optional("project", matched.project.as_deref());
}

fn attempt(out: &mut Writer, attempt: &Attempt<'_>) {
    out.begin('{');
    let scheme = match attempt.scheme {
        Scheme::Https => "https",
        Scheme::Http => "http",
    };
    out.member("scheme", scheme);
    out.name("port");
    out.number(attempt.port.into());
    out.name("verified");
    out.boolean(attempt.verified);
    out.optional("host", attempt.host.as_deref());
    out.end('}');
}

fn question(out: &mut Writer, question: &Question) {
    out.begin('{');
    let kind = match question.kind {
        QuestionKind::NamesOf => "names-of",
        QuestionKind::AddressesOf => "addresses-of",
    };
    out.member("kind", kind);
    out.member("subject", &question.subject);
    out.end('}');
}

fn step(out: &mut Writer, step: &Step<'_>) {
    out.begin('{');
    let topic = match step.topic {
        Topic::Reference => "reference",
        Topic::Mode => "mode",
        Topic::Entry => "entry",
        Topic::Dns => "dns",
        Topic::Transport => "transport",
        Topic::Authorities => "authorities",
        Topic::Outcome => "outcome",
    };
    out.member("topic", topic);
    if let Some(entry) = &step.entry {
        out.name("entry");
        matched(out, entry);
        out.end('}');
    }
    if let Some(covers) = step.covers {
        out.name("covers");
        out.boolean(covers);
    }
    out.member("text", &step.text);
    out.end('}');
}

fn miss(miss: Miss) -> &'static str {
    match miss {
        Miss::AnotherPort => "another-port",
        Miss::AnotherNamespace => "another-namespace",
        Miss::WildcardApex => "wildcard-apex",
        Miss::BelowName => "below-name",
        Miss::NameUnderNetwork => "name-under-network",
        Miss::AddressOutside => "address-outside",
        Miss::NameUnconfirmed => "name-unconfirmed",
        Miss::NeighbouringNetwork => "neighbouring-network",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Denial;

    #[test]
    fn d4_names_are_those_that_are_read() {
        for denial in [
            Denial::NotWhitelisted,
            Denial::InvalidReference,
            Denial::UnknownProject,
            Denial::Trap,
            Denial::TimeOut,
            Denial::Memory,
        ] {
            assert_eq!(serde_json::to_value(denial).unwrap(), denial.as_str());
        }
        for of in [
            Miss::AnotherPort,
            Miss::AnotherNamespace,
            Miss::WildcardApex,
            Miss::BelowName,
            Miss::NameUnderNetwork,
            Miss::AddressOutside,
            Miss::NameUnconfirmed,
            Miss::NeighbouringNetwork,
        ] {
            assert_eq!(serde_json::to_value(of).unwrap(), miss(of));
        }
    }
}
