//! Canonical JSON of responses (rule D4): one line. Absent members are omitted, and the order of members is fixed.

use crate::decision::{Attempt, Decision, DnsQuery, Explanation, LookupKind, MatchedEntry, MissReason, Response, Step};
use crate::util::json_writer::JsonWriter;

impl Response<'_> {
    /// Returns the canonical JSON as one line without a line end (rule D4).
    pub fn to_json(&self) -> String {
        write_response(self, None)
    }
}

impl Explanation<'_> {
    /// Returns the response and its steps as one line of JSON.
    pub fn to_json(&self) -> String {
        write_response(&self.response, Some(&self.steps))
    }
}

fn write_response(answer: &Response<'_>, steps: Option<&[Step<'_>]>) -> String {
    let mut out = JsonWriter::default();
    out.begin('{');
    out.string_member("reference", &answer.reference);
    out.optional_member("registry", answer.registry.as_deref());
    out.optional_member("repository", answer.repository.as_deref());
    match &answer.decision {
        Decision::Allow(allowed) => {
            out.string_member("decision", "allow");
            write_deciding_entry(&mut out, allowed.by.as_ref());
            write_list(&mut out, "attempts", &allowed.attempts, write_attempt);
            write_list(&mut out, "authorities", &allowed.authorities, |out, authority| out.string(authority));
            write_list(&mut out, "pinned", &allowed.pinned, |out, address| out.string(address));
        }
        Decision::Deny(denied) => {
            out.string_member("decision", "deny");
            out.string_member("reason", denied.reason.as_str());
            out.string_member("text", &denied.text);
            write_deciding_entry(&mut out, denied.by.as_ref());
            if let Some(nearest) = &denied.nearest {
                out.name("nearest");
                write_entry_members(&mut out, &nearest.entry);
                out.string_member("miss", miss_reason_text(nearest.miss));
                out.string_member("text", &nearest.text);
                out.end('}');
            }
        }
        Decision::Lookup(queries) => {
            out.string_member("decision", "lookup");
            write_list(&mut out, "queries", queries, write_query);
        }
    }
    if let Some(steps) = steps {
        out.name("steps");
        out.begin('[');
        steps.iter().for_each(|each| write_step(&mut out, each));
        out.end(']');
    }
    out.end('}');
    out.into_text()
}

/// Writes an array member; an empty array is omitted.
fn write_list<T>(out: &mut JsonWriter, name: &str, elements: &[T], write: fn(&mut JsonWriter, &T)) {
    if elements.is_empty() {
        return;
    }
    out.name(name);
    out.begin('[');
    elements.iter().for_each(|element| write(out, element));
    out.end(']');
}

/// Writes the entry that decided, if there is one.
fn write_deciding_entry(out: &mut JsonWriter, by: Option<&MatchedEntry<'_>>) {
    if let Some(by) = by {
        out.name("by");
        write_entry_members(out, by);
        out.end('}');
    }
}

/// Begins an object with the members of an entry. The caller ends it.
fn write_entry_members(out: &mut JsonWriter, matched: &MatchedEntry<'_>) {
    out.begin('{');
    out.string_member("list", matched.list.as_str());
    out.name("index");
    out.number(matched.index);
    out.string_member("entry", &matched.entry);
    out.optional_member("project", matched.project.as_deref());
}

fn write_attempt(out: &mut JsonWriter, attempt: &Attempt<'_>) {
    out.begin('{');
    out.string_member("scheme", attempt.scheme.as_str());
    out.name("port");
    out.number(attempt.port.into());
    out.name("verified");
    out.boolean(attempt.verified);
    out.optional_member("host", attempt.host.as_deref());
    out.end('}');
}

fn write_query(out: &mut JsonWriter, dns_query: &DnsQuery) {
    out.begin('{');
    let kind = match dns_query.kind {
        LookupKind::Reverse => "reverse",
        LookupKind::Forward => "forward",
    };
    out.string_member("kind", kind);
    out.string_member("subject", &dns_query.subject);
    out.end('}');
}

fn write_step(out: &mut JsonWriter, step: &Step<'_>) {
    out.begin('{');
    out.string_member("kind", step.kind.as_str());
    if let Some(entry) = &step.entry {
        out.name("entry");
        write_entry_members(out, entry);
        out.end('}');
    }
    if let Some(covers) = step.matches {
        out.name("matches");
        out.boolean(covers);
    }
    out.string_member("text", &step.text);
    out.end('}');
}

fn miss_reason_text(miss: MissReason) -> &'static str {
    match miss {
        MissReason::AnotherPort => "another-port",
        MissReason::AnotherNamespace => "another-namespace",
        MissReason::WildcardApex => "wildcard-apex",
        MissReason::BelowName => "below-name",
        MissReason::SimilarName => "similar-name",
        MissReason::AnotherRegion => "another-region",
        MissReason::ImageAsHost => "image-as-host",
        MissReason::NameUnderNetwork => "name-under-network",
        MissReason::AddressOutside => "address-outside",
        MissReason::NameUnconfirmed => "name-unconfirmed",
        MissReason::NeighbouringNetwork => "neighbouring-network",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::DenialReason;

    #[test]
    fn d4_written_names_are_the_decoded_names() {
        for denial in [
            DenialReason::NotWhitelisted,
            DenialReason::InvalidReference,
            DenialReason::InvalidRequest,
            DenialReason::UnknownProject,
            DenialReason::Blocked,
            DenialReason::Trap,
            DenialReason::TimeOut,
            DenialReason::Memory,
        ] {
            assert_eq!(serde_json::to_value(denial).unwrap(), denial.as_str());
        }
        for of in [
            MissReason::AnotherPort,
            MissReason::AnotherNamespace,
            MissReason::WildcardApex,
            MissReason::BelowName,
            MissReason::SimilarName,
            MissReason::AnotherRegion,
            MissReason::ImageAsHost,
            MissReason::NameUnderNetwork,
            MissReason::AddressOutside,
            MissReason::NameUnconfirmed,
            MissReason::NeighbouringNetwork,
        ] {
            assert_eq!(serde_json::to_value(of).unwrap(), miss_reason_text(of));
        }
    }
}
