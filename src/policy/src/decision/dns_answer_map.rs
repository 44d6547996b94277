//! The DNS answers of a request, found by their subjects (rule M6).

use std::borrow::Cow;
use std::net::IpAddr;

use crate::decision::{DnsAnswer, LookupKind};
use crate::host;
use crate::host::dns_name;
use crate::util::string_map::StringMap;

/// The DNS answers of a request by their normalized subjects. Of several about one subject the first counts.
pub(crate) struct DnsAnswerMap<'r> {
    pub answers: &'r [DnsAnswer],
    positions: StringMap,
}

impl<'r> DnsAnswerMap<'r> {
    pub fn new(answers: &'r [DnsAnswer]) -> Self {
        let mut positions = StringMap::default();
        for (dns_answer, position) in answers.iter().zip(0..) {
            let subject = match dns_answer.kind {
                LookupKind::Reverse => parse_address(&dns_answer.subject).map(|address| address.to_string()),
                // No name looks like an address, so that one map serves both kinds.
                LookupKind::Forward => parse_name(&dns_answer.subject).filter(|name| !dns_name::looks_numeric(name)),
            };
            if let Some(subject) = subject {
                positions.get_or_insert(&subject, position);
            }
        }
        DnsAnswerMap { answers, positions }
    }

    /// Returns the answers about a subject in canonical form.
    pub fn get(&self, kind: LookupKind, subject: &str) -> Option<&'r [String]> {
        let position = self.positions.get(subject)?;
        let dns_answer = self.answers.get(usize::try_from(position).ok()?)?;
        (dns_answer.kind == kind).then_some(&*dns_answer.answers)
    }
}

/// Parses an address from DNS or from user input.
pub(crate) fn parse_address(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(host::canonical)
}

/// Parses a name from DNS or from user input.
pub(crate) fn parse_name(text: &str) -> Option<String> {
    dns_name::to_ascii_name(text, text, &mut Vec::new()).map(Cow::into_owned)
}
