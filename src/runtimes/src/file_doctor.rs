//! The comparison of a policy with settings that are given as files: what they import as, entry by entry, and what is
//! missing of what an export would write.

use crate::decisions::{PolicyContext, RegistryAccess};
use crate::doctor::{Diagnosis, Disagreement, DoctorRequest};
use crate::entry_cover::{covers, is_allowed, is_insecure};
use crate::export::{ExportError, ExportRequest};
use crate::host_files::{FileContent, HostFileError, HostFiles};
use crate::import::{Import, ImportFinding, ImportSeverity, ImportedAuthority, ImportedEntry, SourceFile};
use crate::policy_view::PolicyEntry;
use crate::target::Target;
use crate::text::shown;

/// A program whose settings are given as files.
pub(crate) struct FileTerms {
    pub target: Target,
    /// The name of the program in sentences.
    pub program: &'static str,
    /// The words for its whitelist.
    pub whitelist: &'static str,
}

/// Codes of findings of an import that are no disagreements: things that a policy has no word for.
const OTHER_FINDINGS: [&str; 3] = ["image-streams", "proxy", "object-unknown"];

/// Compares a policy with the files of the request.
pub(crate) fn diagnose(request: &DoctorRequest<'_>, terms: &FileTerms) -> Result<Vec<Disagreement>, HostFileError> {
    let mut diagnosis = Diagnosis::default();
    let there = terms.target.import(request.sources);
    let ideal = ideal_import(&request.policy, terms.target)?;
    let comparison = FileComparison {
        policy: &request.policy,
        terms,
        sources: request.sources,
        there: &there,
        ideal: ideal.as_ref(),
    };
    for finding in &there.findings {
        comparison.diagnose_finding(finding, &mut diagnosis);
    }
    // Of a file that does not parse nothing else is known.
    if !there.findings.iter().any(|finding| finding.code == "source-syntax") {
        comparison.diagnose_access(&mut diagnosis);
        comparison.diagnose_transport(&mut diagnosis);
        comparison.diagnose_authorities(&mut diagnosis);
        comparison.diagnose_missing(&mut diagnosis);
    }
    Ok(diagnosis.into_disagreements())
}

struct FileComparison<'a> {
    policy: &'a PolicyContext<'a>,
    terms: &'a FileTerms,
    sources: &'a [SourceFile],
    /// The settings as a policy.
    there: &'a Import,
    /// The policy that an export would write; `None` if it would allow more than the policy. What is in it is no
    /// disagreement, however coarse the program's words are.
    ideal: Option<&'a Import>,
}

/// Returns the settings that an export would write, read back; `None` if it would allow more than the policy.
fn ideal_import(policy: &PolicyContext<'_>, target: Target) -> Result<Option<Import>, HostFileError> {
    let files = HostFiles::none();
    match target.export(&ExportRequest { policy: *policy, files: &files, allows_wider: false, gate: None }) {
        Ok(export) => {
            let texts = export.files.into_iter().filter_map(|file| match file.content {
                FileContent::Text(text) => Some(SourceFile { path: file.path, text }),
                FileContent::Link(_) => None,
            });
            Ok(Some(target.import(&texts.collect::<Vec<_>>())))
        }
        Err(ExportError::File(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

impl FileComparison<'_> {
    /// Returns the file that a missing setting belongs into.
    fn file(&self) -> &str {
        self.sources.first().map_or("", |source| &source.path)
    }

    fn export_mend(&self) -> String {
        format!("`pullgate export --to {}` writes it", self.terms.target.as_str())
    }

    /// Returns whether an export has the same finding.
    fn is_ideal_finding(&self, finding: &ImportFinding) -> bool {
        let is_same = |other: &ImportFinding| other.code == finding.code && other.message == finding.message;
        self.ideal.is_some_and(|ideal| ideal.findings.iter().any(is_same))
    }

    fn diagnose_finding(&self, finding: &ImportFinding, diagnosis: &mut Diagnosis) {
        let ImportFinding { code, severity, origin, message } = finding;
        let line = origin.line.unwrap_or_default();
        match *code {
            _ if *severity == ImportSeverity::Info
                || OTHER_FINDINGS.contains(code)
                || self.is_ideal_finding(finding) => {}
            "source-syntax" => {
                diagnosis.fails("settings-unreadable", &origin.file, line, &**message, "correct the line");
            }
            "authority-elsewhere" | "authority-invalid" => {
                let mend = "give the file with the certificates, too";
                diagnosis.fails("authority-file-missing", &origin.file, line, &**message, mend);
            }
            // A registry that is insecure in a way that no entry says.
            "port-80" | "insecure-namespace" | "insecure-rejected" => {
                let mend = "write the registry as the policy has it in `insecure`, or take it out";
                diagnosis.silent("insecure-wider", &origin.file, line, &**message, mend);
            }
            // What is not there is told of entry by entry.
            "whitelist-empty" | "source-empty" => {}
            _ => diagnosis.silent(code, &origin.file, line, &**message, "write it as the policy has it"),
        }
    }

    fn diagnose_access(&self, diagnosis: &mut Diagnosis) {
        let FileTerms { program, whitelist, .. } = self.terms;
        let entries = self.there.whitelist.as_deref().unwrap_or_default();
        if self.policy.view.is_whitelist_mode() && entries.is_empty() {
            let text = format!("{whitelist} lists nothing, and {program} then takes images of every registry");
            diagnosis.silent("access-open", self.file(), 0, text, self.export_mend());
        }
        let exported = self.ideal.and_then(|ideal| ideal.whitelist.as_deref()).unwrap_or_default();
        for imported in entries.iter().filter(|imported| !has_entry(exported, imported)) {
            if !parsed(imported).is_some_and(|entry| is_allowed(self.policy, &entry)) {
                let text =
                    format!("images of `{}` are allowed, and the policy does not allow them all", imported.entry);
                let mend = "take the line out, or list it in `whitelist`";
                silent_at(diagnosis, "access-wider", imported, text, mend);
            }
        }
        let exported = self.ideal.map(|ideal| ideal.blocked.as_slice()).unwrap_or_default();
        for imported in self.there.blocked.iter().filter(|imported| !has_entry(exported, imported)) {
            if parsed(imported).is_some_and(|entry| is_allowed(self.policy, &entry)) {
                let text = format!("images of `{}` are blocked, and the policy allows them", imported.entry);
                let line = imported.origin.line.unwrap_or_default();
                let mend = "take the line out, or list it in `blocked`";
                diagnosis.fails("blocked-wider", &imported.origin.file, line, text, mend);
            }
        }
    }

    fn diagnose_transport(&self, diagnosis: &mut Diagnosis) {
        let exported = self.ideal.map(|ideal| ideal.insecure.as_slice()).unwrap_or_default();
        for imported in self.there.insecure.iter().filter(|imported| !has_entry(exported, imported)) {
            if !parsed(imported).is_some_and(|entry| is_insecure(self.policy, &entry)) {
                let text = format!("`{}` is reached without verification, and the policy verifies it", imported.entry);
                let mend = "take the line out, or list the registry in `insecure`";
                silent_at(diagnosis, "insecure-wider", imported, text, mend);
            }
        }
    }

    /// Reports authorities that count where the policy does not have them.
    fn diagnose_authorities(&self, diagnosis: &mut Diagnosis) {
        for authority in &self.there.certificate_authorities {
            let ImportedAuthority { pem, registries, origin } = authority;
            for certificate in pullgate::check_certificates(pem.as_bytes(), 0).certificates {
                let of = self.unnamed_for(&certificate.sha256, registries.as_deref());
                for registry in of {
                    let text = format!(
                        "{} takes certificates of `{}` for {registry}, and the policy does not have that authority for it",
                        self.terms.program,
                        shown(&certificate.subject)
                    );
                    let mend = "take the certificate out, or add it to `certificate_authorities`";
                    let line = origin.line.unwrap_or_default();
                    diagnosis.silent("authority-unnamed", &origin.file, line, text, mend);
                }
            }
        }
    }

    /// Returns the registries for which a certificate counts here, and by the policy does not.
    fn unnamed_for(&self, fingerprint: &String, registries: Option<&[String]>) -> Vec<String> {
        match registries {
            Some(registries) => {
                let is_unnamed = |registry: &&String| match self.policy.registry_access(registry) {
                    RegistryAccess::Verified { authorities, .. } => !authorities.contains(fingerprint),
                    RegistryAccess::Insecure { .. } => false,
                    RegistryAccess::Denied | RegistryAccess::DependsOnDns => true,
                };
                registries.iter().filter(is_unnamed).map(|registry| format!("`{registry}`")).collect()
            }
            None => {
                let is_theirs = |pem: &str| {
                    let certificates = pullgate::check_certificates(pem.as_bytes(), 0).certificates;
                    certificates.iter().any(|certificate| certificate.sha256 == *fingerprint)
                };
                let mut everywhere = self.policy.view.authorities.iter().filter(|own| own.registries.is_none());
                match everywhere.any(|own| is_theirs(&own.pem)) || self.exports_for_all(fingerprint) {
                    true => Vec::new(),
                    false => vec!["every registry".to_owned()],
                }
            }
        }
    }

    /// Returns whether an export has a certificate for every registry, because all that are verified have it.
    fn exports_for_all(&self, fingerprint: &str) -> bool {
        let Some(ideal) = self.ideal else { return false };
        ideal.certificate_authorities.iter().filter(|authority| authority.registries.is_none()).any(|authority| {
            let certificates = pullgate::check_certificates(authority.pem.as_bytes(), 0).certificates;
            certificates.iter().any(|certificate| certificate.sha256 == fingerprint)
        })
    }

    /// Reports what an export would write, and is not there.
    fn diagnose_missing(&self, diagnosis: &mut Diagnosis) {
        let Some(ideal) = self.ideal else {
            let text = format!("{} cannot be told what this policy says without allowing more", self.terms.program);
            let mend = format!("`pullgate export --to {}` has the reason", self.terms.target.as_str());
            return diagnosis.silent("policy-wider", self.file(), 0, text, mend);
        };
        let is_there = |wanted: &ImportedEntry, there: &[ImportedEntry]| {
            let Some(wanted) = parsed(wanted) else { return false };
            there.iter().filter_map(parsed).any(|each| covers(&each, &wanted))
        };
        let missing = |wanted: &[ImportedEntry], there: &[&[ImportedEntry]]| {
            let absent = wanted.iter().filter(|wanted| !there.iter().any(|there| is_there(wanted, there)));
            absent.map(|wanted| wanted.entry.clone()).collect::<Vec<_>>()
        };
        let whitelist = self.there.whitelist.as_deref().unwrap_or_default();
        // Without a list every registry is allowed.
        if !whitelist.is_empty() {
            let wanted = ideal.whitelist.as_deref().unwrap_or_default();
            for entry in missing(wanted, &[whitelist, &self.there.insecure]) {
                let text = format!("images of `{entry}` are not allowed, and the policy allows them");
                diagnosis.fails("access-missing", self.file(), 0, text, self.export_mend());
            }
        }
        for entry in missing(&ideal.insecure, &[&self.there.insecure]) {
            let text = format!("`{entry}` is verified, and the policy has it as insecure");
            diagnosis.fails("insecure-missing", self.file(), 0, text, self.export_mend());
        }
        for entry in missing(&ideal.blocked, &[&self.there.blocked]) {
            let text = format!("images of `{entry}` are not blocked, and the policy blocks them");
            diagnosis.silent("blocked-missing", self.file(), 0, text, self.export_mend());
        }
        for authority in &ideal.certificate_authorities {
            self.diagnose_missing_authority(authority, diagnosis);
        }
    }

    fn diagnose_missing_authority(&self, wanted: &ImportedAuthority, diagnosis: &mut Diagnosis) {
        let fingerprints = |pem: &str| {
            let certificates = pullgate::check_certificates(pem.as_bytes(), 0).certificates;
            certificates.into_iter().map(|certificate| certificate.sha256).collect::<Vec<_>>()
        };
        let counts_for = |fingerprint: &String, registry: Option<&String>| {
            self.there.certificate_authorities.iter().any(|there| {
                let is_for = match (&there.registries, registry) {
                    (None, _) => true,
                    (Some(registries), Some(registry)) => registries.contains(registry),
                    (Some(_), None) => false,
                };
                is_for && fingerprints(&there.pem).contains(fingerprint)
            })
        };
        let registries: Vec<Option<&String>> = match &wanted.registries {
            Some(registries) => registries.iter().map(Some).collect(),
            None => vec![None],
        };
        for fingerprint in fingerprints(&wanted.pem) {
            for registry in registries.iter().filter(|registry| !counts_for(&fingerprint, **registry)) {
                let of = registry.map_or_else(|| "every registry".to_owned(), |registry| format!("`{registry}`"));
                let text = format!(
                    "{} does not have the authority `{}` for {of}, by which the policy verifies",
                    self.terms.program,
                    shown(self.policy.authority_title(&fingerprint))
                );
                diagnosis.fails("authority-missing", self.file(), 0, text, self.export_mend());
            }
        }
    }
}

fn parsed(imported: &ImportedEntry) -> Option<PolicyEntry> {
    PolicyEntry::parse(&imported.entry)
}

fn has_entry(entries: &[ImportedEntry], wanted: &ImportedEntry) -> bool {
    entries.iter().any(|each| each.entry == wanted.entry)
}

fn silent_at(diagnosis: &mut Diagnosis, code: &'static str, imported: &ImportedEntry, text: String, mend: &str) {
    diagnosis.silent(code, &imported.origin.file, imported.origin.line.unwrap_or_default(), text, mend);
}
