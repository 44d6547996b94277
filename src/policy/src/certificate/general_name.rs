//! Names of hosts and others in certificates (RFC 5280, section 4.2.1.6), as OpenSSL shows them.

use ipnet::IpNet;
use std::net::IpAddr;

use x509_cert::der::Decode;
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::name::Name;

use crate::certificate::der;
use crate::certificate::distinguished_name as dn;
use base16ct::lower::encode_string;

/// A name of one of the forms that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GeneralName {
    /// A host's name; in a constraint, of a host or of what is below it.
    Dns(String),
    /// Four or sixteen octets; in a constraint, a mask of as many follows.
    Ip(Vec<u8>),
    /// Any other, as text.
    Other(String),
}

/// The names in a sequence of them; `None` where it is damaged.
pub(crate) fn list(der: &[u8]) -> Option<Vec<GeneralName>> {
    der::sequence(der)?.iter().map(GeneralName::read).collect()
}

impl GeneralName {
    /// One name; `None` where it is damaged.
    pub fn read(element: &AnyRef<'_>) -> Option<Self> {
        let bytes = element.value();
        // IA5String, ASCII.
        let text = || std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii());
        let other = |kind: &str, name: &str| GeneralName::Other(format!("{kind}:{name}"));
        Some(match der::number(element)? {
            0 => other("otherName", &der::within(element)?.first()?.decode_as::<ObjectIdentifier>().ok()?.to_string()),
            1 => other("email", &dn::visible(text()?)),
            2 => GeneralName::Dns(text()?.to_owned()),
            4 => other("DirName", &dn::text(&Name::from_der(bytes).ok()?)),
            6 => other("URI", &dn::visible(text()?)),
            7 => GeneralName::Ip(bytes.to_vec()),
            8 => other("RID", &ObjectIdentifier::from_bytes(bytes).ok()?.to_string()),
            // X.400 addresses and EDI parties, which nobody uses.
            number => GeneralName::Other(format!("[{number}]")),
        })
    }

    /// The kind, a colon, the name.
    pub fn text(&self) -> String {
        match self {
            GeneralName::Dns(name) => format!("DNS:{}", dn::visible(name)),
            GeneralName::Ip(bytes) => format!("IP:{}", address(bytes)),
            GeneralName::Other(text) => text.clone(),
        }
    }
}

fn address(bytes: &[u8]) -> String {
    match octets(bytes) {
        Some(address) => address.to_string(),
        None => network_text(bytes).unwrap_or_else(|| encode_string(bytes)),
    }
}

/// An address of four or sixteen octets.
pub(crate) fn octets(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// An address and a mask, each of 4 or 16 octets.
pub(crate) fn network(bytes: &[u8]) -> Option<IpNet> {
    let (address, mask) = bytes.split_at_checked(bytes.len() >> 1)?;
    IpNet::with_netmask(octets(address)?, octets(mask)?).ok().map(|network| network.trunc())
}

/// A network as people write it; none where the octets are no network.
pub(crate) fn network_text(bytes: &[u8]) -> Option<String> {
    network(bytes).map(|network| network.to_string())
}
