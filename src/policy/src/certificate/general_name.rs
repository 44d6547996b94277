//! General names in certificates (RFC 5280, section 4.2.1.6), in the notation of OpenSSL.

use std::net::IpAddr;

use base16ct::lower::encode_string;
use ipnet::IpNet;
use x509_cert::der::Decode;
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::name::Name;

use crate::certificate::der;
use crate::certificate::distinguished_name as dn;

/// A general name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GeneralName {
    /// A host name; in a constraint, a domain.
    Dns(String),
    /// Four or sixteen octets; in a constraint, followed by a mask of the same size.
    Ip(Vec<u8>),
    /// Any other form, as text.
    Other(String),
}

/// Parses a sequence of names; `None` if it is malformed.
pub(crate) fn parse_list(der: &[u8]) -> Option<Vec<GeneralName>> {
    der::sequence_elements(der)?.iter().map(GeneralName::parse).collect()
}

impl GeneralName {
    /// Parses one name; `None` if it is malformed.
    pub fn parse(element: &AnyRef<'_>) -> Option<Self> {
        let bytes = element.value();
        // IA5String, ASCII.
        let text = || std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii());
        let other = |kind: &str, name: &str| GeneralName::Other(format!("{kind}:{name}"));
        Some(match der::context_tag(element)? {
            0 => {
                other("otherName", &der::children(element)?.first()?.decode_as::<ObjectIdentifier>().ok()?.to_string())
            }
            1 => other("email", &dn::escape_invisible(text()?)),
            2 => GeneralName::Dns(text()?.to_owned()),
            4 => other("DirName", &dn::to_rfc4514(&Name::from_der(bytes).ok()?)),
            6 => other("URI", &dn::escape_invisible(text()?)),
            7 => GeneralName::Ip(bytes.to_vec()),
            8 => other("RID", &ObjectIdentifier::from_bytes(bytes).ok()?.to_string()),
            // X.400 addresses and EDI parties, which are not in use.
            number => GeneralName::Other(format!("[{number}]")),
        })
    }

    /// Returns the kind, a colon, and the name.
    pub fn to_text(&self) -> String {
        match self {
            GeneralName::Dns(name) => format!("DNS:{}", dn::escape_invisible(name)),
            GeneralName::Ip(bytes) => format!("IP:{}", ip_text(bytes)),
            GeneralName::Other(text) => text.clone(),
        }
    }
}

fn ip_text(bytes: &[u8]) -> String {
    match ip_from_octets(bytes) {
        Some(address) => address.to_string(),
        None => network_text(bytes).unwrap_or_else(|| encode_string(bytes)),
    }
}

/// Converts four or sixteen octets to an address.
pub(crate) fn ip_from_octets(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// Parses an address and a mask, each of 4 or 16 octets.
pub(crate) fn network_from_octets(bytes: &[u8]) -> Option<IpNet> {
    let (address, mask) = bytes.split_at_checked(bytes.len() >> 1)?;
    IpNet::with_netmask(ip_from_octets(address)?, ip_from_octets(mask)?).ok().map(|network| network.trunc())
}

/// Returns a network in CIDR notation; `None` if the octets are not a network.
pub(crate) fn network_text(bytes: &[u8]) -> Option<String> {
    network_from_octets(bytes).map(|network| network.to_string())
}
