//! Changes between two policies, read from their decisions on one request.

use std::net::IpAddr;

use pullgate::{Allow, ChangeKind, Decision, Policy, ReferenceKind, Region, Request, Scheme};

use crate::reference_model::{HUB, Host};
use crate::regions::Place;

/// Returns how two decisions differ; `None` if a comparison says nothing of it.
///
/// # Panics
///
/// If DNS answers are missing.
pub fn change(old: &Decision<'_>, new: &Decision<'_>) -> Option<ChangeKind> {
    let verified = |allowed: &Allow<'_>| allowed.attempts.iter().all(|attempt| attempt.verified);
    let plain = |allowed: &Allow<'_>| allowed.attempts.iter().any(|attempt| attempt.scheme == Scheme::Http);
    match (old, new) {
        (Decision::Lookup(_), _) | (_, Decision::Lookup(_)) => panic!("all dns_answers are there: {old:?} {new:?}"),
        (Decision::Deny(_), Decision::Deny(_)) => None,
        (Decision::Deny(_), Decision::Allow(_)) => Some(ChangeKind::NewlyAllowed),
        (Decision::Allow(_), Decision::Deny(_)) => Some(ChangeKind::NewlyDenied),
        (Decision::Allow(old), Decision::Allow(new)) => match (verified(old), verified(new)) {
            (true, false) => Some(ChangeKind::NowUnverified),
            (false, true) => Some(ChangeKind::NowVerified),
            (true, true) => {
                assert_eq!(old.attempts, new.attempts);
                (old.authorities != new.authorities).then_some(ChangeKind::OtherAuthorities)
            }
            (false, false) if plain(old) == plain(new) => {
                assert_eq!(old.attempts, new.attempts);
                None
            }
            (false, false) if plain(new) => Some(ChangeKind::NowPlainHttp),
            (false, false) => Some(ChangeKind::NoLongerPlainHttp),
        },
    }
}

/// Returns whether the witness of a region is decided as its change says.
pub fn shows(before: &Policy, after: &Policy, region: &Region) -> bool {
    let witness = &region.witness;
    let request = Request {
        reference: &witness.reference,
        kind: witness.kind,
        project: witness.project.as_deref(),
        dns_answers: &witness.dns_answers,
    };
    let (old, new) = (before.decide(&request), after.decide(&request));
    if let (Decision::Allow(allowed), ChangeKind::NewlyAllowed) = (&new, region.change) {
        let unverified = allowed.attempts.iter().any(|attempt| !attempt.verified);
        if unverified != region.unverified {
            return false;
        }
    }
    if let (Decision::Allow(old), Decision::Allow(new), ChangeKind::OtherAuthorities) = (&old, &new, region.change) {
        let came: Vec<&str> =
            new.authorities.iter().filter(|one| !old.authorities.contains(one)).map(|one| &**one).collect();
        let went: Vec<&str> =
            old.authorities.iter().filter(|one| !new.authorities.contains(one)).map(|one| &**one).collect();
        return came == region.added && went == region.removed;
    }
    match (&old, &new) {
        (Decision::Lookup(_), Decision::Lookup(_)) => false,
        (_, Decision::Lookup(_)) => region.change == ChangeKind::NowByDns,
        (Decision::Lookup(_), _) => region.change == ChangeKind::NoLongerByDns,
        (Decision::Allow(old), Decision::Allow(new))
            if matches!(region.change, ChangeKind::NowByDns | ChangeKind::NoLongerByDns) =>
        {
            old.pinned != new.pinned
        }
        (old, new) => change(old, new) == Some(region.change),
    }
}

/// Returns whether a host can be asked about with a port: Docker Hub's names with its port are no names, and Docker Hub has
/// no other port.
pub fn fits(host: &Host, port: Option<u16>) -> bool {
    let hub_port = matches!(port, None | Some(443));
    match host {
        Host::Hub => hub_port,
        Host::Name(name) if name == "docker.io" || name == "index.docker.io" => !hub_port,
        _ => true,
    }
}

/// Returns the request as text, and its kind.
pub fn reference(place: &Place<'_>) -> (String, ReferenceKind) {
    let host = match place.host {
        Host::Hub => HUB.to_owned(),
        Host::Name(name) if name == "host" && place.port.is_none() => "HOST".to_owned(),
        Host::Name(name) => name.clone(),
        Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        Host::Address(address) => address.to_string(),
    };
    let port = place.port.map(|port| format!(":{port}")).unwrap_or_default();
    match place.repository {
        Some(path) => (format!("{host}{port}/{path}"), ReferenceKind::Image),
        None => (format!("{host}{port}"), ReferenceKind::Registry),
    }
}
