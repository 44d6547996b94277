//! A certificate of the policy, ready to vouch.

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, TrustAnchor};

use crate::certificate::{Reading, date};
use crate::certificate_error::LeftOut;
use pullgate::Authority;

/// A certificate of the policy that applies to a registry.
#[derive(Debug)]
pub(crate) struct Anchor {
    pub(crate) authority: Authority,
    issues: Issues,
}

/// Whether a certificate vouches for others than itself.
#[derive(Debug)]
enum Issues {
    Others(TrustAnchor<'static>),
    Nothing(&'static str),
}

impl Anchor {
    pub(crate) fn new(authority: &Authority) -> Self {
        let mut store = RootCertStore::empty();
        let added = store.add(CertificateDer::from(authority.der.as_slice()));
        let issues = match (Reading::of(&authority.der), added, store.roots.pop()) {
            (Some(reading), Ok(()), Some(anchor)) if reading.may_issue() => Issues::Others(anchor),
            // webpki would let any key that it is given as an anchor sign certificates. A server's certificate that
            // stands in the policy is there for that server alone, as Go, and Docker with it, has it.
            (Some(_), Ok(()), Some(_)) => Issues::Nothing("it is no authority and vouches for itself alone"),
            _ => Issues::Nothing("it cannot be read"),
        };
        Self { authority: authority.clone(), issues }
    }

    /// Why its time is not now, if it is not. `now` is in seconds since 1970-01-01 UTC.
    pub(crate) fn out_of_time(&self, now: u64) -> Option<String> {
        let Authority { not_before, not_after, .. } = self.authority;
        if now < not_before {
            return Some(format!("it is not valid before {}", date(not_before)));
        }
        (now > not_after).then(|| format!("it expired on {}", date(not_after)))
    }

    /// What vouches for other certificates now; otherwise, why it does not.
    ///
    /// webpki looks at neither the dates of an anchor nor at whether it is an authority.
    pub(crate) fn trust(&self, now: u64) -> Result<TrustAnchor<'static>, LeftOut> {
        let why = match (self.out_of_time(now), &self.issues) {
            (None, Issues::Others(anchor)) => return Ok(anchor.clone()),
            (None, Issues::Nothing(why)) => (*why).to_owned(),
            (Some(why), _) => why,
        };
        Err(LeftOut::new(&self.authority, why))
    }
}
