//! The certificate authorities of a policy: which of them may vouch for which registry (rule C1).

use std::ops::ControlFlow;
use std::ops::Range;

use crate::certificate::lint::{self, Certificate};
use crate::document::{Document, Items, Lists, authority_path};
use crate::entry::Entry;
use crate::finding::{List, Note};
use crate::policy::index::{Index, Subject};
use crate::reference::ports::Ports;
use crate::util::sort;

/// A trust anchor of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The SHA-256 of the certificate's DER, in lower-case hexadecimal: what decisions name it by.
    pub fingerprint: String,
    /// The certificate's common name, or what comes nearest to one.
    pub title: String,
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// The first second at which it is valid, since 1970-01-01 UTC.
    pub not_before: u64,
    /// The last second at which it is valid, since 1970-01-01 UTC.
    pub not_after: u64,
}

/// An element of `certificate_authorities` whose certificates were read.
#[derive(Debug)]
pub(crate) struct Given<'d> {
    pub project: Option<&'d str>,
    /// Its index in the list as written.
    pub index: usize,
    /// The JSON Pointer of its `pem`.
    pub path: String,
    /// The whole element's place in the document.
    pub place: Range<usize>,
    pub registries: Option<&'d Items<'d>>,
    pub certificates: Vec<Certificate>,
}

/// Reads the certificates of a document and checks them as of `at`.
pub(crate) fn read<'d>(text: &str, document: &'d Document<'d>, at: u64, notes: &mut Vec<Note>) -> Vec<Given<'d>> {
    let mut given = Vec::new();
    for (project, lists) in scopes(document) {
        for authority in lists.authorities.iter().flatten() {
            let path = authority_path(project, authority.index, "pem");
            let mut bundle = lint::read(authority.pem.text().as_bytes(), at);
            let mut places = authority.pem.places(text);
            let mut translate = |note: &mut Note| {
                let place = places.of(note.start..note.end);
                (note.start, note.end) = (place.start, place.end);
            };
            bundle.notes.iter_mut().for_each(&mut translate);
            let own = bundle.certificates.iter_mut().flat_map(|certificate| std::mem::take(&mut certificate.notes));
            let own = own.map(|mut note| {
                translate(&mut note);
                note
            });
            notes.extend(bundle.notes.into_iter().chain(own).map(|note| note.at(&*path)));
            given.push(Given {
                project,
                index: authority.index,
                path,
                place: authority.place.clone(),
                registries: authority.registries.as_ref(),
                certificates: bundle.certificates,
            });
        }
    }
    given
}

/// The global lists, then those of the projects.
pub(crate) fn scopes<'d>(document: &'d Document<'d>) -> impl Iterator<Item = (Option<&'d str>, &'d Lists<'d>)> {
    let projects = document.projects.iter().flatten().map(|project| (Some(&*project.name), &project.lists));
    std::iter::once((None, &document.global)).chain(projects)
}

/// The authorities of the global lists, or of a project, ready to be asked.
#[derive(Debug, Default)]
pub(crate) struct Authorities {
    /// Those without a limit, as indices into the policy's trust anchors.
    everywhere: Vec<u32>,
    /// The limits of the others, each in the whitelist of this index, with the position of its authority.
    limits: Index,
    /// The others, by position.
    limited: Vec<Vec<u32>>,
}

impl Authorities {
    fn new<'g>(given: impl Iterator<Item = &'g Given<'g>>, anchors: &[Authority]) -> Self {
        let mut authorities = Authorities::default();
        let mut limits = Vec::new();
        for given in given {
            let known = given.certificates.iter().filter_map(|certificate| place_of(anchors, &certificate.sha256));
            match given.registries {
                None => authorities.everywhere.extend(known),
                Some(registries) => {
                    let position = u32::try_from(authorities.limited.len()).unwrap_or(u32::MAX);
                    limits.extend(enabled(registries).map(|entry| (List::Whitelist, position, entry)));
                    authorities.limited.push(known.collect());
                }
            }
        }
        authorities.limits = Index::new(limits.into_iter());
        authorities
    }

    /// Where those that are limited count.
    pub fn limits(&self) -> &Index {
        &self.limits
    }

    /// Those without a limit, then those of each element with one, in the order of the document; as indices into the
    /// policy's trust anchors.
    pub fn each(&self) -> (&[u32], &[Vec<u32>]) {
        (&self.everywhere, &self.limited)
    }

    /// Adds the trust anchors that may vouch for a registry: rules M1 and M2, without namespaces and without DNS.
    pub fn applying(&self, subject: Subject<'_>, ports: &Ports, found: &mut Vec<u32>) {
        found.extend(&self.everywhere);
        let _ = self.limits.covering(subject, &mut |_, group| {
            for port in ports.of_list(List::Whitelist) {
                let positions = group.on_port(List::Whitelist, *port).iter().filter_map(|row| group.row(*row));
                for row in positions {
                    let limited = usize::try_from(row.position).ok().and_then(|place| self.limited.get(place));
                    found.extend(limited.into_iter().flatten());
                }
            }
            ControlFlow::Continue(())
        });
    }
}

/// The trust anchors of a policy, each once, sorted by fingerprint, and the authorities of the global lists and of every
/// project. A certificate that is not valid at `at` is left out (rule P3).
pub(crate) fn load<'d>(document: &'d Document<'d>, given: &[Given<'d>], at: u64) -> (Vec<Authority>, Vec<Authorities>) {
    let valid = given.iter().flat_map(|given| &given.certificates).filter(|certificate| certificate.is_valid_at(at));
    let anchors = valid.map(|certificate| Authority {
        fingerprint: certificate.sha256.clone(),
        title: certificate.title(),
        der: certificate.der.clone(),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
    });
    let mut anchors = sort::sorted(anchors.collect(), |a: &Authority, b| a.fingerprint.cmp(&b.fingerprint));
    anchors.dedup_by(|a, b| a.fingerprint == b.fingerprint);
    let scopes = scopes(document)
        .map(|(project, _)| Authorities::new(given.iter().filter(|given| given.project == project), &anchors));
    let scopes = scopes.collect();
    (anchors, scopes)
}

fn place_of(anchors: &[Authority], fingerprint: &str) -> Option<u32> {
    let place = anchors.binary_search_by(|anchor| anchor.fingerprint.as_str().cmp(fingerprint)).ok()?;
    u32::try_from(place).ok()
}

/// The entries that an authority is limited to.
pub(crate) fn enabled<'d>(registries: &'d Items<'d>) -> impl Iterator<Item = &'d Entry> {
    registries.items.iter().filter(|item| item.enabled).map(|item| item.entry())
}
