//! Settings of container runtimes: imports of any text, and exports of any policy.

use arbitrary::{Result, Unstructured};
use pullgate::{ChangeKind, EntryList, Policy, Region, check_policy, compare};
use pullgate_runtimes::{
    Export, ExportError, ExportRequest, FileContent, HostFiles, Import, ImportSource, PolicyContext, PolicyView,
    SourceFile, Target,
};
use pullgate_source::PolicySource;
use pullgate_tests::vectors::AT;
use serde_json::{Map, Value};

use crate::generate;
use crate::text_of;

/// Targets that have no whitelist, so that an export has the transports only.
const TRANSPORTS: [Target; 3] = [Target::Docker, Target::Containerd, Target::K3s];

/// Settings are read as a policy that loads, and that is the same in TOML as in JSON. The first byte chooses the notation;
/// the rest is paths and texts in turn, with a NUL between them.
pub fn import(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let all = ImportSource::all();
    let source = all[usize::from(*first) % all.len()];
    let files = files_of(rest);
    let import = source.import(&files);
    let policy = import.to_policy().to_string();
    let report = check_policy(&policy, AT);
    assert!(report.canonical.is_some(), "{source:?} becomes {policy}, which does not load: {:?}", report.findings);
    check_toml(&import, &policy);
    assert_eq!(source.import(&files).to_policy().to_string(), policy, "imported twice, otherwise");
}

fn files_of(data: &[u8]) -> Vec<SourceFile> {
    let mut parts = text_of(data).split('\0');
    let mut files = Vec::new();
    while let (Some(path), Some(text)) = (parts.next(), parts.next()) {
        files.push(SourceFile { path: path.to_owned(), text: text.to_owned() });
    }
    files
}

/// Requires that the policy in TOML, with its comments, means the same.
fn check_toml(import: &Import, policy: &str) {
    let folder = tempfile::tempdir().expect("there is room for a file");
    let path = folder.path().join("policy.toml");
    let toml = import.to_toml("imported");
    std::fs::write(&path, &toml).expect("there is room for a file");
    let Ok((source, located)) = PolicySource::read(&path) else { panic!("the TOML cannot be read: {toml}") };
    assert!(located.is_empty(), "the TOML does not parse: {:?}\n{toml}", located[0].finding);
    let canonical = |json: &str| check_policy(json, AT).canonical;
    assert_eq!(canonical(source.json()), canonical(policy), "the TOML means something else:\n{toml}");
}

/// No export allows more than the policy or verifies less.
pub fn export(data: &[u8]) {
    let _ = check_export(&mut Unstructured::new(data));
}

fn check_export(bytes: &mut Unstructured<'_>) -> Result<()> {
    let json = policy(bytes)?;
    let target = *bytes.choose(&Target::ALL)?;
    let Some(canonical) = check_policy(&json, AT).canonical else { return Ok(()) };
    let loaded = Policy::load(&json, AT).expect("a checked policy loads");
    let view = PolicyView::new(&canonical, None).expect("a canonical document has a view");
    let context = PolicyContext { view: &view, policy: &loaded.policy, project: None };
    let export = match target.export(&ExportRequest {
        policy: context,
        files: &HostFiles::none(),
        gate: None,
        allows_wider: false,
    }) {
        Ok(export) => export,
        Err(ExportError::Wider(_)) => return Ok(()),
        Err(error) => panic!("{target:?} of {json}: {error}"),
    };
    if TRANSPORTS.contains(&target) && view.blocked.is_empty() {
        check_round_trip(&transports_of(&json), target, &export);
    } else if !TRANSPORTS.contains(&target) {
        check_round_trip(&json, target, &export);
    }
    Ok(())
}

/// Requires that an export, imported again, is not wider than the policy.
fn check_round_trip(json: &str, target: Target, export: &Export) {
    let files: Vec<SourceFile> = export.files.iter().filter_map(source_file).collect();
    let imported = target.import(&files).to_policy().to_string();
    let comparison = compare(json, &imported, AT).unwrap_or_else(|error| panic!("{error:?}: {imported}"));
    // The programs do not tell HTTPS without verification from plain HTTP, and a wildcard of theirs is for names only.
    let is_wider = |region: &&Region| {
        matches!(region.change, ChangeKind::NewlyAllowed | ChangeKind::NowUnverified)
            && region.witness.dns_answers.is_empty()
    };
    let wider = comparison.regions.iter().find(is_wider);
    assert!(wider.is_none(), "{target:?} of {json} is {imported}, which is wider: {wider:#?}\n{:#?}", export.files);
}

/// Returns a file of an export as one of an import.
pub fn source_file(file: &pullgate_runtimes::ConfigFile) -> Option<SourceFile> {
    match &file.content {
        FileContent::Text(text) => Some(SourceFile { path: file.path.clone(), text: text.clone() }),
        FileContent::Link(_) => None,
    }
}

/// Draws a policy without built-in registries, which no target has a word for.
fn policy(bytes: &mut Unstructured<'_>) -> Result<String> {
    let mut policy = Map::new();
    for (list, member) in
        [(EntryList::Whitelist, "whitelist"), (EntryList::Insecure, "insecure"), (EntryList::Blocked, "blocked")]
    {
        let count = bytes.int_in_range(0..=4)?;
        if count == 0 && list == EntryList::Whitelist {
            continue;
        }
        let entries = (0..count).map(|_| generate::entry(bytes, list)).collect::<Result<Vec<String>>>()?;
        policy.insert(member.to_owned(), entries.into());
    }
    Ok(Value::Object(policy).to_string())
}

/// Returns the policy without what a runtime that has no whitelist can say.
fn transports_of(policy: &str) -> String {
    let mut policy: Value = serde_json::from_str(policy).expect("the policy is JSON");
    let members = policy.as_object_mut().expect("the policy is an object");
    members.retain(|name, _| name != "whitelist" && name != "blocked");
    policy.to_string()
}
