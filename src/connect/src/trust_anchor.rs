//! A certificate of the policy, ready to vouch.

use rustls::RootCertStore;
use rustls::pki_types::{self, CertificateDer};

use crate::certificate::{ParsedCertificate, format_time};
use crate::certificate_error::IgnoredAnchor;
use pullgate::TrustAnchor;

/// A certificate of the policy that applies to a registry.
#[derive(Debug)]
pub(crate) struct PolicyAnchor {
    pub(crate) authority: TrustAnchor,
    usage: AnchorUse,
}

/// Whether a certificate vouches for others than itself.
#[derive(Debug)]
enum AnchorUse {
    Issuer(pki_types::TrustAnchor<'static>),
    EndEntityOnly(&'static str),
}

impl PolicyAnchor {
    pub(crate) fn new(authority: &TrustAnchor) -> Self {
        let mut store = RootCertStore::empty();
        let added = store.add(CertificateDer::from(authority.der.as_slice()));
        let usage = match (ParsedCertificate::from_der(&authority.der), added, store.roots.pop()) {
            (Some(reading), Ok(()), Some(anchor)) if reading.is_issuing_ca() => AnchorUse::Issuer(anchor),
            // webpki would let any key that it is given as an anchor sign certificates. A server's certificate that
            // stands in the policy is there for that server alone, as Go, and Docker with it, has it.
            (Some(_), Ok(()), Some(_)) => AnchorUse::EndEntityOnly("it is no authority and vouches for itself alone"),
            _ => AnchorUse::EndEntityOnly("it cannot be read"),
        };
        Self { authority: authority.clone(), usage }
    }

    /// Why its time is not now, if it is not. `now` is in seconds since 1970-01-01 UTC.
    pub(crate) fn validity_error(&self, now: u64) -> Option<String> {
        let TrustAnchor { not_before, not_after, .. } = self.authority;
        if now < not_before {
            return Some(format!("it is not valid before {}", format_time(not_before)));
        }
        (now > not_after).then(|| format!("it expired on {}", format_time(not_after)))
    }

    /// What vouches for other certificates now; otherwise, why it does not.
    ///
    /// webpki looks at neither the dates of an anchor nor at whether it is an authority.
    pub(crate) fn to_trust_anchor(&self, now: u64) -> Result<pki_types::TrustAnchor<'static>, IgnoredAnchor> {
        let why = match (self.validity_error(now), &self.usage) {
            (None, AnchorUse::Issuer(anchor)) => return Ok(anchor.clone()),
            (None, AnchorUse::EndEntityOnly(why)) => (*why).to_owned(),
            (Some(why), _) => why,
        };
        Err(IgnoredAnchor::new(&self.authority, why))
    }
}
