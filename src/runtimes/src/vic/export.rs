//! A policy as options and as a description of a virtual container host.

use jsonc_parser::cst::CstInputValue;

use crate::command_line::quote;
use crate::config_value::{ConfigKind, ConfigValue, read_json};
use crate::export::{Export, ExportError, ExportRequest};
use crate::host_files::ConfigFile;
use crate::json_edit::{set_members, to_input};
use crate::vic::lists::VicLists;
use crate::vic::{AUTHORITY_OPTIONS, INSECURE_OPTIONS, OPTIONS_FILE, VCH_JSON, WHITELIST_OPTIONS};

/// Exports a policy as options of `vic-machine create`.
pub fn export_options(request: &ExportRequest<'_>) -> Result<Export, ExportError> {
    let lists = VicLists::new(request)?;
    let mut options = Vec::new();
    let mut files = Vec::new();
    options.extend(lists.whitelist.iter().map(|entry| format!("{} {}", WHITELIST_OPTIONS[0], quote(entry))));
    options.extend(lists.insecure.iter().map(|entry| format!("{} {}", INSECURE_OPTIONS[0], quote(entry))));
    for (index, pem) in lists.authorities.iter().enumerate() {
        let name = format!("registry-ca-{}.pem", index + 1);
        options.push(format!("{} {name}", AUTHORITY_OPTIONS[0]));
        files.push(ConfigFile::text(format!("/{name}"), pem.clone()));
    }
    let text = options.join(" \\\n") + "\n";
    files.insert(0, ConfigFile::text(OPTIONS_FILE, text));
    Ok(Export { files, entries: lists.entries, ..Export::default() })
}

/// Exports a policy as the member `registry` of a virtual container host.
pub fn export_rest(request: &ExportRequest<'_>) -> Result<Export, ExportError> {
    let lists = VicLists::new(request)?;
    let there = request.files.read(VCH_JSON)?;
    let syntax = |error| ExportError::Syntax { path: VCH_JSON.to_owned(), error };
    let empty = || ConfigValue::map(Vec::<(String, ConfigValue)>::new());
    let host = there.as_deref().map(read_json).transpose().map_err(syntax)?.unwrap_or_else(empty);
    let mut registry = host
        .get("registry")
        .filter(|registry| matches!(registry.kind, ConfigKind::Map(_)))
        .cloned()
        .unwrap_or_else(empty);
    let strings = |texts: &[String]| ConfigValue::list(texts.iter().map(ConfigValue::string));
    let authorities = lists.authorities.iter().map(|pem| ConfigValue::map([("pem", ConfigValue::string(pem))]));
    let members = [
        ("whitelist", request.policy.view.is_whitelist_mode().then(|| strings(&lists.whitelist))),
        ("insecure", Some(strings(&lists.insecure))),
        ("certificate_authorities", Some(ConfigValue::list(authorities))),
    ];
    for (name, value) in members {
        match value {
            Some(value) => registry.set(name, value),
            None => registry.remove(name),
        }
    }
    let value: CstInputValue = to_input(&registry);
    let text = set_members(there.as_deref(), [("registry", Some(value))]).map_err(syntax)?;
    let file = ConfigFile::text(VCH_JSON, text).merged(there.is_some());
    Ok(Export { files: vec![file], entries: lists.entries, ..Export::default() })
}
