//! Trust anchors of a policy, and the registries that each may vouch for (rule C1).

use std::ops::ControlFlow;
use std::ops::Range;

use crate::certificate::lint::{self, ParsedCertificate};
use crate::document::{EntryItems, ParsedDocument, PolicyLists, authority_pointer};
use crate::entry::Entry;
use crate::finding::{EntryList, RawFinding};
use crate::policy::index::{EntryIndex, HostKey};
use crate::reference::ports::ReferencePorts;
use crate::util::json_writer::escape_string;
use crate::util::sort;

/// A trust anchor of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustAnchor {
    /// The SHA-256 of the certificate's DER in lower-case hexadecimal. Decisions refer to the anchor by it.
    pub fingerprint: String,
    /// The certificate's common name, or the closest substitute.
    pub title: String,
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// The first second of the validity period, since 1970-01-01 UTC.
    pub not_before: u64,
    /// The last second of the validity period, since 1970-01-01 UTC.
    pub not_after: u64,
}

/// A parsed element of `certificate_authorities`.
#[derive(Debug)]
pub(crate) struct ParsedAuthority<'d> {
    pub project: Option<&'d str>,
    /// The index in the list as written.
    pub index: usize,
    /// The JSON Pointer of the `pem` member.
    pub pointer: String,
    /// The span of the whole element in the document.
    pub span: Range<usize>,
    pub registries: Option<&'d EntryItems<'d>>,
    pub certificates: Vec<ParsedCertificate>,
}

/// Parses the certificates of a document and lints them as of `at`.
pub(crate) fn parse_authorities<'d>(
    text: &str,
    document: &'d ParsedDocument<'d>,
    at: u64,
    findings: &mut Vec<RawFinding>,
) -> Vec<ParsedAuthority<'d>> {
    let mut parsed = Vec::new();
    for (project, lists) in scoped_lists(document) {
        for authority in lists.authorities.iter().flatten() {
            let path = authority_pointer(project, authority.index, "pem");
            let mut bundle = lint::parse_bundle(authority.pem.as_str().as_bytes(), at);
            let mut places = authority.pem.span_mapper(text);
            let mut translate = |finding: &mut RawFinding| {
                let span = places.map_span(finding.start..finding.end);
                (finding.start, finding.end) = (span.start, span.end);
                finding.fix = finding.fix.take().map(|fix| escape_string(&fix));
            };
            bundle.findings.iter_mut().for_each(&mut translate);
            let own = bundle.certificates.iter_mut().flat_map(|certificate| std::mem::take(&mut certificate.findings));
            let own = own.map(|mut finding| {
                translate(&mut finding);
                finding
            });
            findings.extend(bundle.findings.into_iter().chain(own).map(|finding| finding.with_path(&*path)));
            parsed.push(ParsedAuthority {
                project,
                index: authority.index,
                pointer: path,
                span: authority.span.clone(),
                registries: authority.registries.as_ref(),
                certificates: bundle.certificates,
            });
        }
    }
    parsed
}

/// Returns the global lists, then the lists of each project.
pub(crate) fn scoped_lists<'d>(
    document: &'d ParsedDocument<'d>,
) -> impl Iterator<Item = (Option<&'d str>, &'d PolicyLists<'d>)> {
    let projects = document.projects.iter().flatten().map(|project| (Some(&*project.name), &project.lists));
    std::iter::once((None, &document.global)).chain(projects)
}

/// The trust anchors of the global lists or of one project, some of them limited to hosts.
#[derive(Debug, Default)]
pub(crate) struct ScopedTrust {
    /// Anchors that apply to every registry, as indices into the policy's trust anchors.
    unlimited: Vec<u32>,
    /// The registries that the other anchors are limited to, as whitelist entries whose position is an index into
    /// `limited`.
    limits: EntryIndex,
    /// Limited anchors by position, as indices into the policy's trust anchors.
    limited: Vec<Vec<u32>>,
}

impl ScopedTrust {
    fn new<'g>(parsed: impl Iterator<Item = &'g ParsedAuthority<'g>>, anchors: &[TrustAnchor]) -> Self {
        let mut authorities = ScopedTrust::default();
        let mut limits = Vec::new();
        for parsed in parsed {
            let known = parsed.certificates.iter().filter_map(|certificate| anchor_index(anchors, &certificate.sha256));
            match parsed.registries {
                None => authorities.unlimited.extend(known),
                Some(registries) => {
                    let position = u32::try_from(authorities.limited.len()).unwrap_or(u32::MAX);
                    limits.extend(enabled_entries(registries).map(|entry| (EntryList::Whitelist, position, entry)));
                    authorities.limited.push(known.collect());
                }
            }
        }
        authorities.limits = EntryIndex::new(limits.into_iter());
        authorities
    }

    /// Returns the index of the registries that anchors are limited to.
    pub fn limits(&self) -> &EntryIndex {
        &self.limits
    }

    /// Returns the unlimited anchors, and the anchors of each limited element in document order, as indices into the
    /// policy's trust anchors.
    pub fn unlimited_and_limited(&self) -> (&[u32], &[Vec<u32>]) {
        (&self.unlimited, &self.limited)
    }

    /// Adds the trust anchors that apply to a registry, by rules M1 and M2 without namespaces and without DNS.
    pub fn anchors_for(&self, key: HostKey<'_>, ports: &ReferencePorts, found: &mut Vec<u32>) {
        found.extend(&self.unlimited);
        let _ = self.limits.covering(key, &mut |_, group| {
            for port in ports.for_list(EntryList::Whitelist) {
                let positions = group.on_port(EntryList::Whitelist, *port).iter().filter_map(|row| group.row(*row));
                for row in positions {
                    let limited = usize::try_from(row.position).ok().and_then(|position| self.limited.get(position));
                    found.extend(limited.into_iter().flatten());
                }
            }
            ControlFlow::Continue(())
        });
    }
}

/// Builds the trust anchors of a policy, deduplicated and sorted by fingerprint, and the scoped trust of the global
/// lists and of every project. Certificates that are not valid at `at` are left out (rule P3).
pub(crate) fn build_trust<'d>(
    document: &'d ParsedDocument<'d>,
    parsed: &[ParsedAuthority<'d>],
    at: u64,
) -> (Vec<TrustAnchor>, Vec<ScopedTrust>) {
    let valid = parsed.iter().flat_map(|parsed| &parsed.certificates).filter(|certificate| certificate.is_valid_at(at));
    let anchors = valid.map(|certificate| TrustAnchor {
        fingerprint: certificate.sha256.clone(),
        title: certificate.display_name(),
        der: certificate.der.as_bytes().to_vec(),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
    });
    let mut anchors = sort::sorted(anchors.collect(), |a: &TrustAnchor, b| a.fingerprint.cmp(&b.fingerprint));
    anchors.dedup_by(|a, b| a.fingerprint == b.fingerprint);
    let scopes = scoped_lists(document)
        .map(|(project, _)| ScopedTrust::new(parsed.iter().filter(|parsed| parsed.project == project), &anchors));
    let scopes = scopes.collect();
    (anchors, scopes)
}

fn anchor_index(anchors: &[TrustAnchor], fingerprint: &str) -> Option<u32> {
    let index = anchors.binary_search_by(|anchor| anchor.fingerprint.as_str().cmp(fingerprint)).ok()?;
    u32::try_from(index).ok()
}

/// Returns the enabled entries that an authority is limited to.
pub(crate) fn enabled_entries<'d>(registries: &'d EntryItems<'d>) -> impl Iterator<Item = &'d Entry> {
    registries.items.iter().filter(|item| item.enabled).map(|item| item.entry())
}
