//! `docs/settings-examples.md`: the worked examples of the VIC documentation as the settings of every target.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use pullgate::Policy;
use pullgate_runtimes::{
    ConfigFile, Export, ExportError, ExportRequest, ExportedList, FileContent, HostFiles, PolicyContext, PolicyView,
    Target,
};

/// The time of the test, at which the certificate of the example is valid: 2027-01-01.
const TEST_TIME: u64 = 1_798_761_600;

/// The examples: their titles and files, and what they are about.
const EXAMPLES: [(&str, &str, &str); 2] = [
    (
        "Whitelist mode",
        "worked-example-1.json",
        "One registry is allowed and verified, by an authority of its own; a network, the names below a domain and an\n\
         address are allowed and insecure. Nothing else is allowed.",
    ),
    (
        "Without whitelist mode",
        "worked-example-2.json",
        "Every registry is allowed; the names below a domain and one registry are insecure.",
    ),
];

const HEADING: &str = "\
# The worked examples as settings

The two examples of the VIC documentation, as `pullgate export` writes them for every target on a host without settings;
[settings.md](settings.md) says what each can and cannot be told. Certificates are shortened here. A test compares this
page with the exports.
";

#[test]
fn page_has_what_is_exported() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let mut page = HEADING.to_owned();
    for (title, file, about) in EXAMPLES {
        let text = fs::read_to_string(docs.join("examples").join(file)).unwrap();
        write!(page, "\n## {title}\n\n[`docs/examples/{file}`](examples/{file}).\n{about}\n").unwrap();
        for target in Target::ALL {
            write_target(&mut page, target, &text);
        }
    }
    let there = fs::read_to_string(docs.join("settings-examples.md")).unwrap_or_default();
    if page != there {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("settings-examples.md");
        fs::write(&path, page).unwrap();
        panic!("the page is another one than the exports: copy `{}` to `docs`, and read what changed", path.display());
    }
}

fn write_target(page: &mut String, target: Target, policy: &str) {
    write!(page, "\n### {} `{}`\n", title(target), target.as_str()).unwrap();
    let export = match export(target, policy) {
        Ok(export) => export,
        Err(error) => {
            write!(page, "\nNothing is exported: {error}.\n").unwrap();
            return;
        }
    };
    for file in &export.files {
        write_file(page, file);
    }
    let list = |list: ExportedList| list.as_str();
    page.push_str("\n| | | | |\n|---|---|---|---|\n");
    for entry in &export.entries {
        let reason = entry.reason.as_deref().unwrap_or_default();
        writeln!(page, "| `{}` | {} | {} | {reason} |", entry.entry, list(entry.list), entry.fidelity).unwrap();
    }
    if !export.notes.is_empty() {
        page.push('\n');
    }
    for note in &export.notes {
        writeln!(page, "- {note}").unwrap();
    }
    if let Some(line) = &export.command_line {
        write!(page, "\n```sh\n{line}\n```\n").unwrap();
    }
}

/// Returns the heading of a target; the examples have the same.
fn title(target: Target) -> &'static str {
    match target {
        Target::Docker => "Docker Engine:",
        Target::Containerd => "containerd:",
        Target::Containers => "Podman, Skopeo, CRI-O:",
        Target::K3s => "K3s and RKE2:",
        Target::Openshift => "OpenShift:",
        Target::Kubernetes => "Kubernetes:",
        Target::VicMachine => "Options of VIC:",
        Target::Vch => "REST API of VIC:",
    }
}

fn export(target: Target, text: &str) -> Result<Export, ExportError> {
    let canonical = pullgate::check_policy(text, TEST_TIME).canonical.unwrap();
    let policy = Policy::load(text, TEST_TIME).unwrap().policy;
    let view = PolicyView::new(&canonical, None).unwrap();
    let policy = PolicyContext { view: &view, policy: &policy, project: None };
    target.export(&ExportRequest { policy, files: &HostFiles::none(), allows_wider: false, gate: None })
}

fn write_file(page: &mut String, file: &ConfigFile) {
    match &file.content {
        FileContent::Text(text) if text.starts_with("-----BEGIN ") => {
            write!(page, "\n`{}`: the authority, in PEM.\n", file.path).unwrap();
        }
        FileContent::Text(text) => {
            let language = match Path::new(&file.path).extension().and_then(|extension| extension.to_str()) {
                Some("toml" | "conf") => "toml",
                Some("yaml") => "yaml",
                Some("json") => "json",
                _ => "sh",
            };
            let text = shorten(text);
            write!(page, "\n`{}`\n\n```{language}\n{}\n```\n", file.path, text.trim_end()).unwrap();
        }
        FileContent::Link(target) => write!(page, "\n`{}`: a link to `{target}`.\n", file.path).unwrap(),
    }
}

/// Leaves out the bodies of certificates.
fn shorten(text: &str) -> String {
    let mut shortened = String::new();
    let mut rest = text;
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    while let Some((before, after)) = rest.split_once(begin) {
        let (_, after) = after.split_once(end).unwrap();
        write!(shortened, "{before}{begin} … {end}").unwrap();
        rest = after;
    }
    shortened + rest
}
