//! A policy that was read from the settings of a runtime, with the origin of each line.

use std::collections::HashSet;
use std::fmt::Write;

use pullgate::display::escape_for_terminal;
use pullgate::{EntryList, Finding, check_certificates, check_entry};
use serde::Serialize;
use serde_json::{Value, json};

use crate::docker_hub;
use crate::policy_view::is_below;
use crate::registry_name::{exact_entry, split_port};
use crate::text::shown;

/// An input of an import.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The path, as the user gave it, or below the folder that the user gave.
    pub path: String,
    /// The text.
    pub text: String,
}

/// A place in an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The path.
    pub file: String,
    /// The line, from 1; absent if the whole file is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// A policy that was imported.
#[derive(Debug, Default, Serialize)]
pub struct Import {
    /// The whitelist; `None` if the source restricts nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whitelist: Option<Vec<ImportedEntry>>,
    /// The insecure list.
    pub insecure: Vec<ImportedEntry>,
    /// The blocked list.
    pub blocked: Vec<ImportedEntry>,
    /// The certificate authorities.
    pub certificate_authorities: Vec<ImportedAuthority>,
    /// The findings about the source.
    pub findings: Vec<ImportFinding>,
    /// The entries of all lists.
    #[serde(skip)]
    known: HashSet<(ImportList, String)>,
}

/// The list that an entry is imported into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImportList {
    /// The whitelist.
    Whitelist,
    /// The insecure list.
    Insecure,
    /// The blocked list.
    Blocked,
}

/// An entry with its origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportedEntry {
    /// The entry in canonical form.
    pub entry: String,
    /// The place that it was read from.
    pub origin: Origin,
    /// The setting that it was read from.
    pub setting: String,
}

/// A certificate authority with its origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportedAuthority {
    /// The certificates.
    pub pem: String,
    /// The registries that it is limited to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registries: Option<Vec<String>>,
    /// The place that it was read from.
    pub origin: Origin,
}

/// The weight of a finding about a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportSeverity {
    /// A part of the source is not in the policy, and has to be decided by hand.
    Error,
    /// The source is dangerous or ambiguous.
    Warning,
    /// A part of the source has no counterpart in a policy.
    Info,
}

/// A finding about a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportFinding {
    /// The stable code.
    pub code: &'static str,
    /// The weight.
    pub severity: ImportSeverity,
    /// The place.
    pub origin: Origin,
    /// The message, human-readable.
    pub message: String,
}

impl Origin {
    /// Creates a place in a file.
    pub fn new(file: &str, line: usize) -> Self {
        Self { file: file.to_owned(), line: (line > 0).then_some(line) }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&escape_for_terminal(&self.file))?;
        match self.line {
            Some(line) => write!(formatter, ":{line}"),
            None => Ok(()),
        }
    }
}

impl ImportList {
    fn entry_list(self) -> EntryList {
        match self {
            Self::Whitelist => EntryList::Whitelist,
            Self::Insecure => EntryList::Insecure,
            Self::Blocked => EntryList::Blocked,
        }
    }
}

impl Import {
    /// Adds an entry. One that a policy cannot have becomes a finding.
    pub fn add(&mut self, list: ImportList, text: &str, origin: Origin, setting: &str) {
        let report = check_entry(text, list.entry_list());
        let Some(entry) = report.entry else {
            let why = report.findings.into_iter().find(Finding::is_error).map(|finding| finding.message);
            let message = format!("`{}` cannot stand in a policy: {}", report.text, why.unwrap_or_default());
            self.report("entry-invalid", ImportSeverity::Error, origin, message);
            return;
        };
        let entries = match list {
            ImportList::Whitelist => self.whitelist.get_or_insert_default(),
            ImportList::Insecure => &mut self.insecure,
            ImportList::Blocked => &mut self.blocked,
        };
        if self.known.insert((list, entry.clone())) {
            entries.push(ImportedEntry { entry, origin, setting: setting.to_owned() });
        }
    }

    /// Adds the insecure registry of a runtime that compares registries as text. `is_named` says whether the runtime
    /// has another one. An insecure entry for port 80 is for references without a port, too (rule M2), and one without
    /// a port is covered by it.
    pub fn add_insecure_registry(
        &mut self,
        registry: &str,
        is_named: impl Fn(&str) -> bool,
        origin: Origin,
        setting: &str,
    ) {
        match split_port(registry) {
            (host, Some(80)) if !is_named(host) => {
                let message = format!(
                    "`{}` is not imported: as an entry it would be for references without a port, too, which are \
                    verified here",
                    shown(registry)
                );
                self.report("port-80", ImportSeverity::Error, origin, message);
            }
            (host, None) if is_named(&format!("{host}:80")) && !is_named(&format!("{host}:443")) => {}
            // Plain HTTP on port 80 is no part of it.
            (host, port) if docker_hub::is_docker_hub(host, port) => {
                self.add(ImportList::Insecure, &format!("{}:443", docker_hub::DISPLAY_NAME), origin, setting);
            }
            _ => self.add(ImportList::Insecure, &exact_entry(registry), origin, setting),
        }
    }

    /// Adds an insecure prefix of containers/image: without a port it is for every port. In whitelist mode an insecure
    /// entry allows its registry, too (rule W2), so that only what the whitelist has is added.
    pub fn add_insecure_prefix(&mut self, prefix: &str, origin: Origin, setting: &str) {
        let Some(whitelist) = &self.whitelist else {
            return self.add(ImportList::Insecure, prefix, origin, setting);
        };
        let host = |entry: &str| split_port(entry).0.to_owned();
        let covers = |entry: &ImportedEntry| match entry.entry.strip_prefix("*.") {
            Some(domain) => {
                !domain.contains([':', '/'])
                    && (prefix == entry.entry || is_below(&host(prefix.trim_start_matches("*.")), domain))
            }
            None => entry.entry == exact_entry(prefix),
        };
        let is_part = |entry: &ImportedEntry| {
            !entry.entry.contains('/') && split_port(prefix).1.is_none() && host(&entry.entry) == host(prefix)
        };
        let texts: Vec<String> = match whitelist.iter().any(covers) {
            true if whitelist.iter().any(|entry| entry.entry.starts_with("*.") && covers(entry)) => {
                vec![prefix.to_owned()]
            }
            true if split_port(prefix).1.is_some() => vec![prefix.to_owned()],
            _ => whitelist.iter().filter(|entry| is_part(entry)).map(|entry| entry.entry.clone()).collect(),
        };
        if texts.is_empty() {
            let message = format!(
                "`{}` is not imported as insecure, because not all of its images are accepted, and an insecure entry \
                allows them \
                 all",
                shown(prefix)
            );
            return self.report("insecure-rejected", ImportSeverity::Error, origin, message);
        }
        texts.iter().for_each(|text| self.add(ImportList::Insecure, text, origin.clone(), setting));
    }

    /// Adds a certificate authority. Certificates that a policy cannot have become a finding.
    pub fn add_authority(&mut self, pem: &str, registries: Option<Vec<String>>, origin: Origin) {
        // The time of no check: a certificate that has expired loads, and is left out by its date (rule P3).
        let report = check_certificates(pem.as_bytes(), 0);
        let is_date = |finding: &&Finding| {
            finding.code.as_str().ends_with("expired") || finding.code.as_str().ends_with("not-yet-valid")
        };
        let mut errors = report.findings.iter().chain(report.certificates.iter().flat_map(|each| &each.findings));
        if let Some(error) = errors.find(|finding| finding.is_error() && !is_date(finding)) {
            let message = format!("no certificate authority for a policy: {}", error.message);
            self.report("authority-invalid", ImportSeverity::Error, origin, message);
            return;
        }
        let registries = match registries.map(|registries| self.valid_registries(registries, &origin)) {
            // Without a list the authority would be for every registry.
            Some(valid) if valid.is_empty() => return,
            valid => valid,
        };
        let known = self.certificate_authorities.iter_mut().find(|other| other.pem == pem);
        match (known, registries) {
            (Some(ImportedAuthority { registries: Some(known), .. }), Some(more)) => {
                let seen: HashSet<String> = known.iter().cloned().collect();
                known.extend(more.into_iter().filter(|registry| !seen.contains(registry)));
            }
            (Some(known), None) => known.registries = None,
            (Some(_), Some(_)) => {}
            (None, registries) => {
                self.certificate_authorities.push(ImportedAuthority { pem: pem.to_owned(), registries, origin });
            }
        }
    }

    /// Returns the registries that an authority can be limited to. Each of the others becomes a finding.
    fn valid_registries(&mut self, mut registries: Vec<String>, origin: &Origin) -> Vec<String> {
        registries.retain(|registry| {
            let report = check_entry(registry, EntryList::Whitelist);
            let error = report.findings.iter().find(|finding| finding.is_error());
            if let Some(error) = error {
                let message = format!("no certificate authority can be for `{}`: {}", report.text, error.message);
                self.report("entry-invalid", ImportSeverity::Error, origin.clone(), message);
            }
            error.is_none()
        });
        registries
    }

    /// Adds a finding.
    pub fn report(&mut self, code: &'static str, severity: ImportSeverity, origin: Origin, message: impl Into<String>) {
        self.findings.push(ImportFinding { code, severity, origin, message: message.into() });
    }

    /// Reports a file that does not parse.
    pub fn report_syntax(&mut self, file: &str, error: &crate::config_value::ConfigSyntaxError, effect: &str) {
        let message = format!("the file does not parse: {}: {effect}", error.message);
        self.report("source-syntax", ImportSeverity::Error, Origin::new(file, error.line), message);
    }

    /// Reports a file of a client certificate.
    pub fn report_client_certificate(&mut self, file: &str) {
        let message = "client certificates are no part of a policy, and stay where they are";
        self.report("client-certificate", ImportSeverity::Info, Origin::new(file, 0), message);
    }

    /// Turns whitelist mode on, also if nothing is listed.
    pub fn set_whitelist_mode(&mut self) {
        self.whitelist.get_or_insert_default();
    }

    /// Returns whether a part of the source is not in the policy.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == ImportSeverity::Error)
    }

    /// Returns the policy document.
    pub fn to_policy(&self) -> Value {
        let texts = |entries: &[ImportedEntry]| entries.iter().map(|entry| json!(entry.entry)).collect::<Vec<_>>();
        let mut policy = serde_json::Map::new();
        if let Some(whitelist) = &self.whitelist {
            policy.insert("whitelist".to_owned(), texts(whitelist).into());
        }
        policy.insert("insecure".to_owned(), texts(&self.insecure).into());
        if !self.blocked.is_empty() {
            policy.insert("blocked".to_owned(), texts(&self.blocked).into());
        }
        if !self.certificate_authorities.is_empty() {
            let authorities = self.certificate_authorities.iter().map(|authority| match &authority.registries {
                Some(registries) => json!({ "pem": authority.pem, "registries": registries }),
                None => json!({ "pem": authority.pem }),
            });
            policy.insert("certificate_authorities".to_owned(), authorities.collect::<Vec<_>>().into());
        }
        Value::Object(policy)
    }

    /// Returns the policy in TOML, each entry with its origin as a comment.
    pub fn to_toml(&self, heading: &str) -> String {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = writeln!(text, "# {}", escape_for_terminal(heading));
        for finding in self.findings.iter().filter(|finding| finding.severity != ImportSeverity::Info) {
            let _ = writeln!(text, "# {}: {}", finding.origin, escape_for_terminal(&finding.message));
        }
        if let Some(whitelist) = &self.whitelist {
            write_list(&mut text, "whitelist", whitelist);
        }
        write_list(&mut text, "insecure", &self.insecure);
        if !self.blocked.is_empty() {
            write_list(&mut text, "blocked", &self.blocked);
        }
        for ImportedAuthority { pem, registries, origin } in &self.certificate_authorities {
            let _ = write!(text, "\n# {origin}\n[[certificate_authorities]]\n");
            if let Some(registries) = registries {
                let registries: Vec<_> = registries.iter().map(|registry| toml_string(registry)).collect();
                let _ = writeln!(text, "registries = [{}]", registries.join(", "));
            }
            let _ = writeln!(text, "pem = {}", toml_text(pem));
        }
        text
    }
}

fn write_list(text: &mut String, name: &str, entries: &[ImportedEntry]) {
    if entries.is_empty() {
        let _ = write!(text, "\n{name} = []\n");
        return;
    }
    let width = entries.iter().map(|entry| toml_string(&entry.entry).len()).max().unwrap_or_default() + 1;
    let _ = write!(text, "\n{name} = [\n");
    for ImportedEntry { entry, origin, setting } in entries {
        let entry = toml_string(entry) + ",";
        let _ = writeln!(text, "  {entry:width$} # {origin} {}", escape_for_terminal(setting));
    }
    text.push_str("]\n");
}

/// Writes a basic string of TOML: that of JSON is one.
fn toml_string(text: &str) -> String {
    Value::from(text).to_string()
}

/// Writes a text of several lines.
fn toml_text(text: &str) -> String {
    let is_plain = |character: char| character == '\n' || character == '\t' || !character.is_control();
    match text.chars().all(is_plain) && !text.contains("'''") && !text.ends_with('\'') {
        true => format!("'''\n{text}'''"),
        false => toml_string(text),
    }
}
