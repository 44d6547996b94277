//! Hosts (rules E2 to E5): an address or a name, never ambiguous between the two.

pub(crate) mod dns_name;
pub mod docker_hub;
mod domain_hash;
pub(crate) mod name_difference;
pub(crate) mod provider;
pub(crate) mod public_suffix;
pub(crate) mod script;

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::finding::RawFinding;
use crate::finding::code::Code;

/// A host in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CanonicalHost<'t> {
    /// An address; an IPv4-mapped IPv6 address is converted to IPv4 (rule E4).
    Address(IpAddr),
    /// A name: A-labels, lower case, no trailing dot.
    Name(Cow<'t, str>),
}

/// Parses an IPv4 address or a name. Offsets of findings are into `whole`, of which `text` must be a slice.
pub(crate) fn parse<'t>(whole: &str, text: &'t str, findings: &mut Vec<RawFinding>) -> Option<CanonicalHost<'t>> {
    if !dns_name::looks_numeric(text) {
        let name = dns_name::to_ascii_name(whole, text, findings)?;
        if !dns_name::looks_numeric(&name) {
            return Some(CanonicalHost::Name(name));
        }
    } else if let Some(address) = parse_ipv4(text) {
        return Some(CanonicalHost::Address(IpAddr::V4(address)));
    }
    let finding = numeric_host_finding(whole, text);
    // Digits of other scripts become ASCII digits.
    let mapped = dns_name::to_ascii_name(text, text, &mut Vec::new()).filter(|mapped| parse_ipv4(mapped).is_some());
    findings.push(match mapped {
        Some(mapped) if finding.fix.is_none() => finding.with_fix(mapped),
        _ => finding,
    });
    None
}

/// Parses four decimal octets without leading zeros (rule E3).
pub(crate) fn parse_ipv4(text: &str) -> Option<Ipv4Addr> {
    let (mut address, mut octet, mut digits, mut dots): (u32, u32, usize, usize) = (0, 0, 0, 0);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' if digits == 0 || octet != 0 => {
                octet = octet.wrapping_mul(10).wrapping_add(u32::from(byte.wrapping_sub(b'0')));
                digits = digits.wrapping_add(1);
            }
            b'.' if digits > 0 && dots < 3 => {
                (address, octet, digits, dots) = (address << 8 | octet, 0, 0, dots.wrapping_add(1));
            }
            _ => return None,
        }
        if octet > 255 {
            return None;
        }
    }
    (digits > 0 && dots == 3).then(|| Ipv4Addr::from_bits(address << 8 | octet))
}

/// Returns an IPv4 address as text, in a tenth of the time of `Display`.
pub(crate) fn ipv4_text(address: Ipv4Addr) -> String {
    const MAX_ADDRESS_BYTES: usize = 15;
    let mut text = String::with_capacity(MAX_ADDRESS_BYTES);
    for octet in address.octets() {
        if !text.is_empty() {
            text.push('.');
        }
        push_decimal(&mut text, octet);
    }
    text
}

/// Appends a number in decimal digits.
pub(crate) fn push_decimal(text: &mut String, number: u8) {
    let digit = |value: u8| char::from(b'0'.wrapping_add(value));
    if number >= 100 {
        text.push(digit(number / 100));
    }
    if number >= 10 {
        text.push(digit(number / 10 % 10));
    }
    text.push(digit(number % 10));
}

/// Parses an IPv6 address without brackets. An IPv4-mapped one is converted to IPv4 (rule E4).
pub(crate) fn parse_ipv6(whole: &str, text: &str, findings: &mut Vec<RawFinding>) -> Option<IpAddr> {
    if let Some((address, _zone)) = text.split_once('%') {
        let message = format_args!("a zone id means something on one machine only: leave it out");
        let finding = RawFinding::at_slice(Code::Ipv6Zone, whole, text, message);
        findings.push(if address.parse::<Ipv6Addr>().is_ok() { finding.with_fix(address) } else { finding });
        return None;
    }
    match text.parse::<Ipv6Addr>() {
        Ok(address) => Some(canonical(IpAddr::V6(address))),
        Err(_) => {
            let message =
                format_args!("`{text}` is not an IPv6 address; with a port, write it as `[2001:db8::1]:5000`");
            findings.push(RawFinding::at_slice(Code::Ipv6Invalid, whole, text, message));
            None
        }
    }
}

/// Converts an IPv4-mapped address to IPv4 (RFC 4291, section 2.5.5.2).
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Returns the finding about a host that looks like a number (rule E3).
fn numeric_host_finding(whole: &str, text: &str) -> RawFinding {
    let bare = text.strip_suffix('.').unwrap_or(text);
    let octets: Vec<&str> = bare.split('.').collect();
    let decimal = octets.iter().all(|octet| !octet.is_empty() && octet.bytes().all(|byte| byte.is_ascii_digit()));
    let stripped = octets.iter().map(|octet| strip_zeros(octet)).collect::<Vec<_>>().join(".");
    let finding = |message: fmt::Arguments<'_>| RawFinding::at_slice(Code::Ipv4Invalid, whole, text, message);
    if let (true, Some(address)) = (decimal, parse_ipv4(&stripped)) {
        let finding = if stripped == bare {
            finding(format_args!("`{text}` is an address with a dot too many"))
        } else {
            finding(format_args!("`{text}` has leading zeros, which some programs read as octal"))
        };
        return finding.with_fix_display(&address);
    }
    if let (true, 1, Ok(number)) = (decimal, octets.len(), bare.parse::<u32>()) {
        let address = Ipv4Addr::from(number);
        return finding(format_args!("`{text}` is a number, which some programs read as the address {address}"))
            .with_fix_display(&address);
    }
    match (decimal, octets.len()) {
        (true, 4) => finding(format_args!("`{text}` is not an IPv4 address: each of its four numbers is 0 to 255")),
        (true, count) => finding(format_args!("`{text}` looks like an IPv4 address but has {count} of the 4 numbers")),
        _ => finding(format_args!(
            "`{text}` looks like a number: the last label of a host name is neither digits alone nor a hexadecimal number, as \
             `0x7f` is"
        )),
    }
}

fn strip_zeros(octet: &str) -> &str {
    match octet.trim_start_matches('0') {
        "" => "0",
        stripped => stripped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(text: &str) -> (Code, Option<String>) {
        let mut findings = Vec::new();
        assert_eq!(parse(text, text, &mut findings), None, "{text}");
        let finding = findings.pop().unwrap();
        (finding.code, finding.fix)
    }

    #[test]
    fn e3_numeric_host_is_an_address_or_an_error() {
        let mut findings = Vec::new();
        assert_eq!(
            parse("10.2.3.4", "10.2.3.4", &mut findings),
            Some(CanonicalHost::Address(IpAddr::from([10, 2, 3, 4])))
        );
        for (text, fix) in [
            ("256.1.1.1", None),
            ("192.168.0", None),
            ("010.0.0.1", Some("10.0.0.1")),
            ("0x7f.1", None),
            ("2130706433", Some("127.0.0.1")),
            ("1.2.3.4.", Some("1.2.3.4")),
            ("１０.0.0.1", Some("10.0.0.1")),
            ("harbor.5", None),
            ("1.2.3.4.5", None),
        ] {
            assert_eq!(rejection(text), (Code::Ipv4Invalid, fix.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn e3_ipv4_is_what_the_standard_library_reads() {
        for text in [
            "1.2.3.4",
            "0.0.0.0",
            "255.255.255.255",
            "256.1.1.1",
            "1.2.3.256",
            "01.2.3.4",
            "1.2.3.00",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.",
            ".1.2.3",
            "1..2.3",
            "1.2.3.4 ",
            "1.2.3.1000",
            "4294967297.1.1.1",
            "a.b.c.d",
            "",
            ".",
            "...",
        ] {
            assert_eq!(parse_ipv4(text), text.parse().ok(), "{text}");
        }
    }

    #[test]
    fn e14_ipv4_text_is_that_of_the_standard_library() {
        for octet in 0..=255 {
            let address = Ipv4Addr::from([octet, 0, 255, 255_u8.wrapping_sub(octet)]);
            assert_eq!(ipv4_text(address), address.to_string());
        }
    }

    #[test]
    fn e4_ipv6() {
        let mut findings = Vec::new();
        let mapped = parse_ipv6("", "::ffff:10.1.2.3", &mut findings);
        assert_eq!(mapped, Some(IpAddr::from([10, 1, 2, 3])));
        assert_eq!(parse_ipv6("", "fe80::1%eth0", &mut findings), None);
        assert_eq!(findings.pop().unwrap().code, Code::Ipv6Zone);
        assert_eq!(parse_ipv6("", "2001:db8::g", &mut findings), None);
        assert_eq!(findings.pop().unwrap().code, Code::Ipv6Invalid);
    }
}
