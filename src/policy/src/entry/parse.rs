//! The parser of entries, top down: the whole text, then scheme, host and port, path.

use std::fmt;
use std::net::IpAddr;

use crate::decision::Scheme;
use crate::entry::name_pattern::{NamePattern, is_pattern_like};
use crate::entry::parts::EntryParts;
use crate::entry::{self, Entry, HostPattern, MAX_ENTRY_BYTES, ParsedEntry, lint, network, notation, redact, wildcard};
use crate::finding::code::Code;
use crate::finding::{EntryList, RawFinding, span_of};
use crate::host::dns_name;
use crate::host::{self, CanonicalHost};
use crate::reference::repository;
use crate::util::strings::{split_at_byte, split_once, split_once_str};

/// Parses one entry as an element of a list; without `list` it limits a certificate authority. Offsets of findings are
/// into `text`; `None` comes with at least one error.
pub(crate) fn parse(text: &str, list: Option<EntryList>, findings: &mut Vec<RawFinding>) -> Option<ParsedEntry> {
    let count_errors = |findings: &[RawFinding]| findings.iter().filter(|finding| finding.is_error()).count();
    let errors_before = count_errors(findings);
    let mut parser = EntryParser { text, list, findings };
    let parts = parser.parts()?;
    let parsed = parser.entry(&parts)?;
    if count_errors(findings) > errors_before {
        return None;
    }
    lint::lint(text, &parts, &parsed, list, findings);
    Some(parsed)
}

/// Parses a port: 1 to 65535 in ASCII digits, leading zeros allowed (rule E9).
pub(crate) fn parse_port(digits: &str) -> Option<u16> {
    let mut port: u16 = 0;
    for byte in digits.bytes() {
        let digit = if byte.is_ascii_digit() { byte.wrapping_sub(b'0') } else { return None };
        port = port.checked_mul(10)?.checked_add(u16::from(digit))?;
    }
    (port != 0).then_some(port)
}

struct EntryParser<'t, 'n> {
    text: &'t str,
    list: Option<EntryList>,
    findings: &'n mut Vec<RawFinding>,
}

impl<'t> EntryParser<'t, '_> {
    fn parts(&mut self) -> Option<EntryParts<'t>> {
        let whole = self.trim_and_check()?;
        self.split_parts(whole)
    }

    fn entry(&mut self, parts: &EntryParts<'t>) -> Option<ParsedEntry> {
        if parts.bracketed || parts.host.as_bytes().contains(&b':') {
            let address = host::parse_ipv6(self.text, parts.host, self.findings)?;
            self.report_mapped(parts, address);
            let written = parts.host.parse().unwrap_or(address);
            return self.address(parts, written, address);
        }
        if parts.host.is_empty() {
            self.report(
                Code::HostMissing,
                parts.whole,
                format_args!("the entry has no host: write an address, a name, a network or a wildcard"),
            );
            return None;
        }
        if parts.host.as_bytes().contains(&b'*') {
            return self.wildcard(parts);
        }
        let digits = prefix_digits(parts);
        let finding = digits
            .and_then(|digits| network::missing_octets_finding(self.text, parts.whole, parts.host, digits))
            .or_else(|| notation::leading_dot_finding(self.text, parts.host))
            .or_else(|| notation::digest_of_image_finding(self.text, parts));
        if let Some(finding) = finding {
            self.findings.push(finding);
            return None;
        }
        match host::parse(self.text, parts.host, self.findings)? {
            CanonicalHost::Address(address) => self.address(parts, address, address),
            // A dot at its end, or digits of other scripts, hide a range as which the name would be read again (rule E14).
            CanonicalHost::Name(name) if parts.path().is_none() && network::range_finding(&name, &name).is_some() => {
                let message = format_args!("`{}` is the range `{name}`: write it in CIDR notation", parts.host);
                self.report(Code::NetworkRange, parts.host, message);
                None
            }
            CanonicalHost::Name(name) => self.finish(parts, HostPattern::Name(name.into())),
        }
    }

    /// Rule E13, and checks that need the text as a whole.
    fn trim_and_check(&mut self) -> Option<&'t str> {
        if self.text.len() > MAX_ENTRY_BYTES {
            let message =
                format_args!("an entry has at most {MAX_ENTRY_BYTES} bytes, this one has {}", self.text.len());
            self.report(Code::EntryTooLong, self.text, message);
            return None;
        }
        let whole = self.text.trim_matches(is_blank);
        if whole.is_empty() {
            self.report(
                Code::EntryEmpty,
                self.text,
                format_args!("there is nothing here: write an address, a name, a network or a wildcard"),
            );
            return None;
        }
        if whole.len() != self.text.len() {
            let finding = RawFinding::new(Code::BlankAround, 0..self.text.len(), "blanks around an entry are dropped");
            // Text with blanks inside is not an entry, and may be a key.
            let may_show = redact::find_userinfo(whole).is_none()
                && !whole.contains(|character: char| character.is_whitespace() || character.is_control());
            self.findings.push(if may_show { finding.with_fix(whole) } else { finding });
        }
        if let Some(range) = redact::find_userinfo(self.text) {
            let message = "an entry has no user information: delete everything up to and with the `@`";
            self.findings.push(RawFinding::new(Code::UserInformation, range, message).with_fix(""));
        }
        let behind = redact::find_userinfo(self.text).and_then(|range| self.text.get(range.end..)).map(str::trim_end);
        if let Some(finding) = network::range_finding(self.text, behind.unwrap_or(whole)) {
            self.findings.push(finding);
            return None;
        }
        // A fix repeats the whole text, and no finding repeats user information (rule E11).
        let several = || notation::several_entries_finding(self.text, whole);
        if let Some(finding) = behind.is_none().then(several).flatten() {
            self.findings.push(finding);
            return None;
        }
        let is_unwanted = |character: char| character.is_control() || character.is_whitespace();
        let Some((at, character)) = whole.char_indices().find(|(_, character)| is_unwanted(*character)) else {
            return Some(whole);
        };
        let written = whole.get(at..at.saturating_add(character.len_utf8())).unwrap_or_default();
        if character.is_control() {
            let message = format_args!("a control character (U+{:04X}) stands here: delete it", u32::from(character));
            self.report_with_fix(Code::ControlCharacter, written, message, &"");
        } else {
            let message = format_args!("an entry has no blanks inside; write each entry by itself");
            self.report(Code::BlankInside, written, message);
        }
        None
    }

    /// Rules E2, E10 and E11: scheme, host and port, path.
    fn split_parts(&mut self, whole: &'t str) -> Option<EntryParts<'t>> {
        let (scheme, mut rest) = self.scheme(whole)?;
        let mut shown = whole;
        if let Some(range) = redact::find_userinfo(self.text) {
            rest = self.text.get(range.end..).map(str::trim_end).unwrap_or_default();
            shown = rest;
        } else if let Some(meant) = add_missing_slashes(whole) {
            let message = format_args!("`{whole}` has a scheme without `//`: write `{meant}`");
            self.report_with_fix(Code::PortInvalid, whole, message, &meant);
            return None;
        }
        for (mark, code, what) in [(b'#', Code::Fragment, "fragment"), (b'?', Code::Query, "query")] {
            if let Some((before, after)) = split_once(rest, mark) {
                let marked = span_of(self.text, after);
                let message = format!("an entry has no {what}: delete `{}` and what follows", char::from(mark));
                self.findings
                    .push(RawFinding::new(code, marked.start.saturating_sub(1)..marked.end, message).with_fix(""));
                rest = before;
            }
        }
        let (authority, path) = split_at_byte(rest, b'/');
        let parts = EntryParts { scheme, host: authority, bracketed: false, port: None, path, whole: shown };
        self.authority(parts, authority)
    }

    /// Splits off the scheme; `None` if it is not one of an entry.
    fn scheme(&mut self, whole: &'t str) -> Option<(Option<Scheme>, &'t str)> {
        let Some((scheme, rest)) = split_once_str(whole, "://").filter(|(scheme, _)| redact::is_scheme(scheme)) else {
            return Some((None, whole));
        };
        if scheme.eq_ignore_ascii_case("https") {
            return Some((Some(Scheme::Https), rest));
        }
        if scheme.eq_ignore_ascii_case("http") {
            return Some((Some(Scheme::Http), rest));
        }
        let message =
            format_args!("the scheme `{scheme}` is neither `https` nor `http`: leave it out, or write `https`");
        self.report_with_fix(Code::SchemeUnknown, scheme, message, &"https");
        Some((None, rest))
    }

    /// Splits `host`, `host:port`, `ipv6`, `[ipv6]` or `[ipv6]:port`.
    fn authority(&mut self, parts: EntryParts<'t>, authority: &'t str) -> Option<EntryParts<'t>> {
        if let Some(inside) = authority.strip_prefix('[') {
            let Some((host, after)) = inside.split_once(']') else {
                self.report(Code::Ipv6Invalid, authority, format_args!("`{authority}` has `[` without `]`"));
                return None;
            };
            return match after.strip_prefix(':') {
                Some(port) => Some(EntryParts { host, bracketed: true, port: Some(port), ..parts }),
                None if after.is_empty() => Some(EntryParts { host, bracketed: true, ..parts }),
                None => {
                    self.report(
                        Code::PortInvalid,
                        after,
                        format_args!("after `]` there is `:` and a port, not `{after}`"),
                    );
                    None
                }
            };
        }
        let Some((host, port)) = split_once(authority, b':') else { return Some(parts) };
        if !port.contains(':') {
            return Some(EntryParts { host, port: Some(port), ..parts });
        }
        let ipv6_like = authority.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
        if ipv6_like || authority.contains('%') || split_once_str(authority, "::").is_some() {
            return Some(parts);
        }
        self.report(Code::PortInvalid, port, format_args!("`{port}` is not a port: a number from 1 to 65535"));
        None
    }

    fn report_mapped(&mut self, parts: &EntryParts<'t>, address: IpAddr) {
        if address.is_ipv4() && prefix_digits(parts).is_none() {
            let message = format_args!("`{}` is an IPv4-mapped address: it is `{address}`", parts.host);
            self.report(Code::Ipv4Mapped, parts.host, message);
        }
    }

    /// Parses the rest of an address or of a network. `written` is the address before rule E4 converted it to IPv4.
    fn address(&mut self, parts: &EntryParts<'t>, written: IpAddr, address: IpAddr) -> Option<ParsedEntry> {
        let Some(path) = parts.path() else {
            return self.finish(parts, HostPattern::Address(address));
        };
        let is_registry = parts.scheme.is_some() || parts.port.is_some();
        if let Some(finding) = network::misread_prefix(self.text, parts.whole, address, path, is_registry) {
            self.findings.push(finding);
            return None;
        }
        if let Some((prefix, port)) = path.split_once(':').filter(|(prefix, _)| network::is_digits(prefix)) {
            let network = prefix.parse().ok().and_then(|prefix| entry::canonical_network(written, prefix));
            self.findings.push(network::port_finding(self.text, parts.whole, port, network));
            return None;
        }
        let Some(digits) = prefix_digits(parts) else {
            return self.finish(parts, HostPattern::Address(address));
        };
        let network = network::parse_prefix(self.text, parts.whole, written, digits, self.findings)?;
        if let Some(port) = parts.port {
            self.findings.push(network::port_finding(self.text, parts.whole, port, Some(network)));
        }
        if let Some(scheme) = parts.scheme {
            let message = format_args!(
                "a network has no scheme, and covers every port of its addresses: leave `{scheme}://` out if that is \
                 meant"
            );
            self.report(Code::NetworkScheme, parts.whole, message);
        }
        if path.strip_suffix('/').unwrap_or(path) != digits {
            let message = format_args!(
                "after an address `/` and digits are a prefix length, so nothing follows `{}/{digits}`",
                parts.host
            );
            self.report(Code::NetworkNamespace, parts.whole, message);
        }
        let entry = Entry { hosts: HostPattern::Network(network), port: None, namespace: None };
        Some(ParsedEntry { entry, scheme: None })
    }

    /// Rules E7 and E15: parses the rest of a wildcard or of a pattern.
    fn wildcard(&mut self, parts: &EntryParts<'t>) -> Option<ParsedEntry> {
        let host = parts.host;
        let is_wildcard = host.strip_prefix("*.").is_some_and(|domain| !domain.contains('*'));
        if !is_wildcard && is_pattern_like(host) && !host.starts_with("**.") && !dns_name::looks_numeric(host) {
            let pattern = NamePattern::parse(self.text, host, self.findings)?;
            return self.finish(parts, HostPattern::Pattern(pattern));
        }
        let Some(domain) = host.strip_prefix("*.").filter(|domain| !domain.contains('*') && !domain.is_empty()) else {
            self.findings.push(wildcard::misplaced_star_finding(self.text, parts, self.list));
            return None;
        };
        if dns_name::looks_numeric(domain) {
            let message = format_args!("`{domain}` is no domain: for addresses write a network, as in `10.2.0.0/16`");
            self.report(Code::WildcardInvalid, host, message);
            return None;
        }
        let CanonicalHost::Name(domain) = host::parse(self.text, domain, self.findings)? else { return None };
        self.finish(parts, HostPattern::Wildcard(domain.into()))
    }

    /// Parses port and namespace after a valid host.
    fn finish(&mut self, parts: &EntryParts<'t>, hosts: HostPattern) -> Option<ParsedEntry> {
        let port = self.port(parts)?;
        let namespace = self.namespace(parts)?;
        let entry = Entry { hosts, port, namespace: namespace.map(Into::into) };
        Some(ParsedEntry { entry, scheme: parts.scheme })
    }

    /// Rules E9 and E10: parses the port; `None` if it is invalid.
    fn port(&mut self, parts: &EntryParts<'t>) -> Option<Option<u16>> {
        let Some(digits) = parts.port else {
            return Some(parts.scheme.map(Scheme::default_port));
        };
        let Some(port) = parse_port(digits) else {
            let finding = notation::port_pattern_finding(self.text, parts, digits)
                .or_else(|| notation::tag_in_place_of_port_finding(self.text, parts, digits));
            if let Some(finding) = finding {
                self.findings.push(finding);
            } else if digits.is_empty() {
                self.report(
                    Code::PortInvalid,
                    parts.host,
                    format_args!("after `:` there is a port, a number from 1 to 65535; or leave the `:` out"),
                );
            } else {
                self.report(
                    Code::PortInvalid,
                    digits,
                    format_args!("`{digits}` is not a port: a number from 1 to 65535"),
                );
            }
            return None;
        };
        if digits.starts_with('0') {
            let message = format_args!("the port `{digits}` has leading zeros, which are dropped");
            self.report_with_fix(Code::PortLeadingZeros, digits, message, &port);
        }
        Some(Some(port))
    }

    /// Rule E12: parses the namespace; `None` if it is invalid.
    fn namespace(&mut self, parts: &EntryParts<'t>) -> Option<Option<&'t str>> {
        let Some(path) = parts.path() else { return Some(None) };
        let path = path.strip_suffix('/').unwrap_or(path);
        if repository::is_path(path) && path.len() <= repository::MAX_REPOSITORY_BYTES {
            return Some(Some(path));
        }
        let lower = path.to_ascii_lowercase();
        let finding = if let Some(finding) = notation::path_finding(self.text, parts, path) {
            finding
        } else if repository::is_path(&lower) && lower != path {
            let message = format_args!("the namespace `{path}` has upper-case letters, and repositories have none");
            RawFinding::at_slice(Code::NamespaceInvalid, self.text, path, message).with_fix(lower)
        } else if path.len() > repository::MAX_REPOSITORY_BYTES {
            let message = format_args!("a namespace has at most {} bytes", repository::MAX_REPOSITORY_BYTES);
            RawFinding::at_slice(Code::NamespaceInvalid, self.text, path, message)
        } else {
            let message = format_args!(
                "`{path}` is not a namespace: lower-case letters and digits, joined by `.`, `_`, `__` or `-`, in components \
                 separated by `/`"
            );
            RawFinding::at_slice(Code::NamespaceInvalid, self.text, path, message)
        };
        self.findings.push(finding);
        None
    }

    /// Adds a finding about a part of the entry.
    #[inline(never)]
    fn report(&mut self, code: Code, part: &str, message: fmt::Arguments<'_>) {
        self.findings.push(RawFinding::at_slice(code, self.text, part, message));
    }

    /// Adds a finding about a part of the entry, with its replacement.
    #[inline(never)]
    fn report_with_fix(&mut self, code: Code, part: &str, message: fmt::Arguments<'_>, fix: &dyn fmt::Display) {
        self.findings.push(RawFinding::at_slice(code, self.text, part, message).with_fix_display(fix));
    }
}

/// Returns the digits after an address and `/`, which are always a prefix length (rule E8).
fn prefix_digits<'t>(parts: &EntryParts<'t>) -> Option<&'t str> {
    let path = parts.path?;
    let first = path.split_once('/').map_or(path, |(first, _)| first);
    network::is_digits(first).then_some(first)
}

/// Rule E13: returns whether a character may surround a copied entry. Of control characters only tabs and line ends do.
fn is_blank(character: char) -> bool {
    character.is_whitespace() && (!character.is_control() || matches!(character, '\t' | '\n' | '\r'))
}

/// Returns `https:h` or `https:/h` with its slashes, unless `https` is a host before a port.
fn add_missing_slashes(whole: &str) -> Option<String> {
    let (scheme, after) = split_once(whole, b':')?;
    let host = after.strip_prefix('/').unwrap_or(after);
    let is_http = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    // `https:5000` may be a host named `https`.
    let is_host = host.starts_with(|first: char| first.is_alphanumeric() || matches!(first, '[' | '*'))
        && !network::is_digits(host.split_once('/').map_or(host, |(port, _)| port));
    (is_http && is_host).then(|| format!("{}://{host}", scheme.to_ascii_lowercase()))
}
