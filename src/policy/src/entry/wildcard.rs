//! Corrections of misplaced stars (rules E7 and E16): none covers a host that the text does not.

use std::fmt;

use crate::entry::network;
use crate::entry::parts::EntryParts;
use crate::finding::code::Code;
use crate::finding::{EntryList, RawFinding};
use crate::host::dns_name;

/// Returns the finding about a host with a star elsewhere than in one leading `*.`.
pub(super) fn misplaced_star_finding(text: &str, parts: &EntryParts<'_>, list: Option<EntryList>) -> RawFinding {
    let host = parts.host;
    let about = |code, part: &str, message: fmt::Arguments<'_>| RawFinding::at_slice(code, text, part, message);
    if host == "*" {
        let message = match list {
            Some(EntryList::Whitelist) => {
                format_args!(
                    "`*` is not an entry: to allow every registry, turn whitelist mode off (no `whitelist` member)"
                )
            }
            _ => format_args!(
                "no entry stands for every registry: write networks, as in `10.0.0.0/8`, and domains, as in \
                 `*.example.com`"
            ),
        };
        return about(Code::WildcardAll, host, message);
    }
    if let Some(network) = network::from_octet_wildcards(host) {
        let message = format_args!("`{host}` is a wildcard over an address: write the network `{network}`");
        let finding = about(Code::WildcardInvalid, parts.whole, message);
        // A network has neither port nor namespace, and would cover more than the text.
        let is_all = parts.scheme.is_none() && parts.port.is_none_or(|port| port == "*") && parts.path().is_none();
        return if is_all { finding.with_fix_display(&network) } else { finding };
    }
    if let Some(domain) = host.strip_prefix('*').filter(|domain| is_domain(domain)) {
        let message = format_args!("a star stands only in one leading `*.`: write `*.{domain}`");
        return about(Code::WildcardInvalid, host, message).with_fix(format!("*.{domain}"));
    }
    let domain = host.trim_start_matches(['*', '.']);
    if host.starts_with("*.*.") && is_domain(domain) {
        let message = format_args!(
            "one leading `*.` covers names however deep: `*.{domain}` covers all that `{host}` means, and every name with \
             fewer labels too"
        );
        return about(Code::WildcardInvalid, host, message);
    }
    if let Some(domain) = host.strip_prefix("**.").filter(|domain| is_domain(domain)) {
        let message = format_args!("one star covers names however deep: write `*.{domain}`");
        return about(Code::WildcardInvalid, host, message).with_fix(format!("*.{domain}"));
    }
    if dns_name::looks_numeric(host) {
        let message = format_args!("`{host}` is no name: for addresses write a network, as in `10.2.0.0/16`");
        return about(Code::WildcardInvalid, host, message);
    }
    let message = format_args!(
        "a star stands in one leading `*.`, or in front of two labels without one and beside a literal character, as in \
         `*-docker.pkg.dev`: write each name by itself"
    );
    about(Code::WildcardInvalid, host, message)
}

#[inline(never)]
fn is_domain(text: &str) -> bool {
    !dns_name::looks_numeric(text) && dns_name::to_ascii_name(text, text, &mut Vec::new()).is_some()
}
