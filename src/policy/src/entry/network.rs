//! Networks in CIDR notation, and corrections of other notations (rule E8).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::entry;
use crate::finding::RawFinding;
use crate::finding::code::Code;
use crate::host;
use crate::util::strings::{split_once, split_once_str};

/// Parses the digits of a prefix length after an address.
pub(super) fn parse_prefix(
    text: &str,
    shown: &str,
    address: IpAddr,
    digits: &str,
    findings: &mut Vec<RawFinding>,
) -> Option<IpNet> {
    let longest: u8 = if address.is_ipv4() { 32 } else { 128 };
    if digits.len() > 1 && digits.starts_with('0') {
        let stripped = digits.trim_start_matches('0');
        let message = format_args!("the prefix length `{digits}` has leading zeros");
        let finding = RawFinding::at_slice(Code::NetworkPrefixInvalid, text, digits, message);
        findings.push(finding.with_fix(if stripped.is_empty() { "0" } else { stripped }));
        return None;
    }
    let Some(prefix) = digits.parse::<u8>().ok().filter(|prefix| *prefix <= longest) else {
        let message = format_args!("a prefix length is at most {longest} for this address, not {digits}");
        findings.push(RawFinding::at_slice(Code::NetworkPrefixTooLong, text, digits, message));
        return None;
    };
    let network = entry::canonical_network(address, prefix)?;
    let mapped = address.is_ipv6() && matches!(network, IpNet::V4(_));
    if mapped {
        let message = format_args!("`{shown}` is made of IPv4-mapped addresses: it is `{network}`");
        findings.push(RawFinding::at_slice(Code::Ipv4Mapped, text, shown, message).with_fix_display(&network));
    }
    let host_bits = match (address, mapped) {
        (IpAddr::V6(address), true) => Some(network.addr()) != address.to_ipv4_mapped().map(IpAddr::V4),
        _ => network.addr() != address,
    };
    if host_bits {
        let message = format_args!("`{shown}` has host bits, which are ignored: it is `{network}`");
        findings.push(RawFinding::at_slice(Code::NetworkHostBits, text, shown, message).with_fix_display(&network));
    }
    if network.prefix_len() == 0 {
        let message =
            format_args!("`{network}` covers every {} address", if network.addr().is_ipv4() { "IPv4" } else { "IPv6" });
        findings.push(RawFinding::at_slice(Code::NetworkEverything, text, shown, message));
    }
    Some(network)
}

/// Reports the port of a network. It has no fix, since a network covers every port; but a star is every port.
pub(super) fn port_finding(text: &str, shown: &str, port: &str, network: Option<IpNet>) -> RawFinding {
    let about = |message: fmt::Arguments<'_>| RawFinding::at_slice(Code::NetworkPort, text, shown, message);
    match network.filter(|_| port == "*") {
        Some(network) => about(format_args!("a network covers every port: leave `:*` out")).with_fix_display(&network),
        None => about(format_args!(
            "a network has no port, and covers every port of its addresses: leave `:{port}` out if that is meant, or \
             write each address with it"
        )),
    }
}

/// Reports a network with fewer than four octets, such as `10.2/16`.
pub(super) fn missing_octets_finding(text: &str, shown: &str, host: &str, digits: &str) -> Option<RawFinding> {
    let octets = parse_octets(host)?;
    if octets.len() > 3 {
        return None;
    }
    let message = format_args!("`{shown}` has {} of the 4 numbers of an IPv4 network", octets.len());
    let finding = RawFinding::at_slice(Code::NetworkOctetsMissing, text, shown, message);
    let fixed =
        digits.parse::<u8>().ok().and_then(|prefix| entry::canonical_network(IpAddr::V4(pad_octets(&octets)), prefix));
    Some(match fixed {
        Some(network) => finding.with_fix_display(&network),
        None => finding,
    })
}

/// Reports text after an address and `/` that begins with a digit and is neither a prefix length nor a namespace: a
/// netmask, half of a range, or a typo. `path` is all of that text; `is_registry` is true if a scheme or a port makes the
/// entry a registry, of which more texts are valid namespaces.
pub(super) fn misread_prefix(
    text: &str,
    shown: &str,
    address: IpAddr,
    path: &str,
    is_registry: bool,
) -> Option<RawFinding> {
    let about = |code, message: fmt::Arguments<'_>| Some(RawFinding::at_slice(code, text, shown, message));
    let component = path.split_once('/').map_or(path, |(first, _)| first);
    let mask = component.split_once(':').filter(|(_, port)| is_digits(port)).map_or(component, |(mask, _)| mask);
    if let Ok(mask) = component.parse().or_else(|_| mask.parse::<IpAddr>()) {
        let message = format_args!("`{mask}` is a netmask: write the prefix length");
        let finding = RawFinding::at_slice(Code::NetworkNetmask, text, shown, message);
        // No fix may cover more than was written: a mask of the other address family is not converted, and no port or
        // scheme is left out.
        let is_alone = !is_registry && component.parse::<IpAddr>().is_ok();
        let fits = is_alone && mask.is_ipv4() == address.is_ipv4() && path.len().saturating_sub(component.len()) <= 1;
        let prefix = ipnet::ip_mask_to_prefix(mask).ok().filter(|_| fits);
        return Some(match prefix.and_then(|prefix| entry::canonical_network(address, prefix)) {
            Some(network) => finding.with_fix_display(&network),
            None => finding,
        });
    }
    let (digits, rest) = component.split_at(component.find(|c: char| !c.is_ascii_digit()).unwrap_or(component.len()));
    if digits.is_empty() || rest.is_empty() {
        return None;
    }
    if rest.strip_prefix('-').is_some_and(|last| last.parse::<IpAddr>().is_ok()) {
        let message = format_args!("`{shown}` is a range of networks: write each of them as an entry by itself");
        return about(Code::NetworkRange, message);
    }
    let are = |text: &str, marks: &[u8]| text.bytes().all(|byte| byte.is_ascii_digit() || marks.contains(&byte));
    let is_hexadecimal =
        digits == "0" && rest.strip_prefix('x').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if digits == "255" && are(rest, b".") || is_hexadecimal && !is_registry {
        return about(Code::NetworkNetmask, format_args!("`{component}` is no netmask: write the prefix length"));
    }
    let is_slip = are(rest, b".-") || rest.len() == 1 && rest.bytes().all(|byte| byte.is_ascii_alphabetic());
    if is_registry || !is_slip {
        return None;
    }
    let message = format_args!(
        "`{component}` is no prefix length: write a number; or, where it is a namespace, a port before it"
    );
    about(Code::NetworkPrefixInvalid, message)
}

/// Reports a range of addresses, `10.0.0.1-10.0.0.9` or `10.0.0.1-9`. The fix is the CIDR blocks that cover it exactly.
pub(super) fn range_finding(text: &str, shown: &str) -> Option<RawFinding> {
    let (first, last) = split_once(shown, b'-')?;
    // Names have dashes too, and most of them have letters that no address has. Behind a bracket stands anything.
    let end = last.split_once(']').map_or(last, |(inside, _)| inside);
    if !end
        .chars()
        .all(|character| character.is_ascii_hexdigit() || character.is_whitespace() || ".:[".contains(character))
    {
        return None;
    }
    let (scheme, first) = split_once_str(first, "://").map_or((None, first), |(scheme, first)| (Some(scheme), first));
    let ((first, first_port), (last, last_port)) = (range_endpoint(first), range_endpoint(last));
    if first_port.is_some() && is_digits(last) {
        // `10.0.0.1:5000-5009` is a range of ports.
        return None;
    }
    if !looks_like_address(first) || !(looks_like_address(last) || is_dotted_numbers(last)) {
        return None;
    }
    let about = |message: fmt::Arguments<'_>| RawFinding::at_slice(Code::NetworkRange, text, shown, message);
    let read = |text: &str| text.parse().ok().map(host::canonical);
    let last_of = |first| match (read(last), first) {
        (None, IpAddr::V4(first)) => {
            let [a, b, c, _] = first.octets();
            Some(IpAddr::from([a, b, c, last.parse().ok()?]))
        }
        (last, _) => last,
    };
    let Some((first, last)) = read(first).and_then(|first| Some((first, last_of(first)?))) else {
        return Some(about(format_args!("`{shown}` is a range, and one of its ends is not an address")));
    };
    let blocks = cidr_cover(first, last);
    if blocks.is_empty() {
        let message = format_args!("`{shown}` is a range that ends before it begins, or of two kinds of addresses");
        return Some(about(message));
    }
    let entries = match blocks.len() {
        1 => String::new(),
        count => format!("as {count} entries "),
    };
    if scheme.or(first_port).or(last_port).is_some() {
        let message = format_args!(
            "`{shown}` is a range: write it {entries}in CIDR notation, which has no scheme and no port, and covers every \
             port"
        );
        return Some(about(message));
    }
    Some(about(format_args!("`{shown}` is a range: write it {entries}in CIDR notation")).with_fix(blocks.join(", ")))
}

/// Splits an endpoint of a range into its host, without blanks and brackets, and its port.
fn range_endpoint(text: &str) -> (&str, Option<&str>) {
    let text = text.trim();
    let (host, port) = match text.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        Some((host, after)) => (host, after.strip_prefix(':')),
        None => match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            _ => (text, None),
        },
    };
    if port.is_none_or(is_digits) { (host, port) } else { (text, None) }
}

/// Returns whether the text is an address, or four numbers of which one is too large.
fn looks_like_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || is_dotted_numbers(text) && text.split('.').count() == 4
}

/// Returns whether the text is numbers separated by dots.
fn is_dotted_numbers(text: &str) -> bool {
    text.split('.').all(is_digits)
}

pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the network for a wildcard over IPv4 octets, `10.2.*` or `10.2.*.*`.
pub(super) fn from_octet_wildcards(host: &str) -> Option<IpNet> {
    let (numbers, stars) = split_once_str(host, ".*")?;
    let octets = parse_octets(numbers)?;
    let only_stars = stars.split('.').skip(1).all(|label| label == "*") && (stars.is_empty() || stars.starts_with('.'));
    let labels = octets.len().saturating_add(1).saturating_add(stars.matches('*').count());
    if !only_stars || labels > 4 || octets.len() > 3 {
        return None;
    }
    let prefix = u8::try_from(octets.len().saturating_mul(8)).ok()?;
    entry::canonical_network(IpAddr::V4(pad_octets(&octets)), prefix)
}

/// Returns the fewest networks that cover a range exactly; none if it ends before it begins.
fn cidr_cover(first: IpAddr, last: IpAddr) -> Vec<String> {
    let (mut next, last, width) = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => (first.to_bits().into(), last.to_bits().into(), 32),
        (IpAddr::V6(first), IpAddr::V6(last)) => (first.to_bits(), last.to_bits(), 128),
        _ => return Vec::new(),
    };
    let mut blocks = Vec::new();
    while next <= last {
        // The widest network that its first address and the rest of the range allow.
        let fits = last.wrapping_sub(next).checked_add(1).map_or(width, u128::ilog2);
        let bits = next.trailing_zeros().min(fits).min(width);
        let address = match u32::try_from(next) {
            Ok(address) if width == 32 => IpAddr::V4(Ipv4Addr::from_bits(address)),
            _ => IpAddr::V6(Ipv6Addr::from_bits(next)),
        };
        let prefix = u8::try_from(width.saturating_sub(bits)).unwrap_or_default();
        blocks.extend(IpNet::new(address, prefix).ok().map(network_text));
        match 1_u128.checked_shl(bits).and_then(|size| next.checked_add(size)) {
            Some(after) => next = after,
            None => break,
        }
    }
    blocks
}

fn network_text(network: IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() { network.addr().to_string() } else { network.to_string() }
}

/// Parses one to four decimal octets.
fn parse_octets(text: &str) -> Option<Vec<u8>> {
    let octets: Vec<u8> = text.split('.').map(|octet| octet.parse().ok()).collect::<Option<_>>()?;
    (octets.len() <= 4).then_some(octets)
}

fn pad_octets(octets: &[u8]) -> Ipv4Addr {
    let mut padded = [0; 4];
    for (slot, octet) in padded.iter_mut().zip(octets) {
        *slot = *octet;
    }
    Ipv4Addr::from(padded)
}

#[cfg(test)]
mod tests {
    use ipnet::{Ipv4Subnets, Ipv6Subnets};

    use super::*;

    #[test]
    fn ranges_are_cut_as_ipnet_cuts_them() {
        for (first, last) in [
            ("10.0.0.0", "10.0.0.255"),
            ("10.0.0.1", "10.0.0.9"),
            ("0.0.0.0", "255.255.255.255"),
            ("0.0.0.1", "255.255.255.254"),
            ("255.255.255.255", "255.255.255.255"),
            ("10.0.0.2", "10.0.0.1"),
            ("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::", "::1:0:0"),
            ("2001:db8::3", "2001:db8::1:7"),
        ] {
            let (first, last): (IpAddr, IpAddr) = (first.parse().unwrap(), last.parse().unwrap());
            let expected: Vec<String> = match (first, last) {
                (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
                    Ipv4Subnets::new(first, last, 0).map(|network| network_text(IpNet::V4(network))).collect()
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    Ipv6Subnets::new(first, last, 0).map(|network| network_text(IpNet::V6(network))).collect()
                }
                _ => Vec::new(),
            };
            assert_eq!(cidr_cover(first, last), expected, "{first} to {last}");
        }
    }
}
