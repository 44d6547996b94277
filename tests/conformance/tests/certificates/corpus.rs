//! What Python's cryptography tests itself with: everything can be read without a crash, and what is read there and not
//! here, or here and not there, is in `tests/certificates/exceptions.json` with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use pullgate_host::Module;
use pullgate_tests::vectors;
use serde::Deserialize;

use super::external_tools::{package, python};
use super::generated::{THEN, pem};

/// What is not read as there, and why. The files are named from the folder `x509` on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exceptions {
    /// Read there and not here.
    refused: BTreeMap<String, String>,
    /// Read here and not there.
    accepted: BTreeMap<String, String>,
}

/// What cryptography says of a file.
#[derive(Deserialize)]
struct There {
    file: String,
    /// Fingerprints.
    certificates: BTreeSet<String>,
    error: Option<String>,
}

fn folder() -> PathBuf {
    package("cryptography_vectors").join("cryptography_vectors/x509")
}

#[test]
fn the_corpus_is_read_as_cryptography_reads_it() {
    let path = vectors::certificates().join("exceptions.json");
    let exceptions: Exceptions =
        serde_json::from_str(&fs::read_to_string(path).expect("the exceptions can be read")).expect("they are JSON");
    let mut wrong = Vec::new();
    let (mut refused, mut accepted) = (BTreeSet::new(), BTreeSet::new());
    let mut read = 0;
    for line in python("cryptography_reads.py", &[&folder()]).lines() {
        let there: There = serde_json::from_str(line).expect("the script prints JSON");
        let data = fs::read(folder().join(&there.file)).expect("the file can be read");
        let (here, said) = here(&data);
        read += here.len();
        if there.certificates.difference(&here).next().is_some() {
            if !exceptions.refused.contains_key(&there.file) {
                wrong.push(format!("{}: read there, and here {said}", there.file));
            }
            refused.insert(there.file);
        } else if here.difference(&there.certificates).next().is_some() {
            if !exceptions.accepted.contains_key(&there.file) {
                wrong.push(format!("{}: read here, and there {:?}", there.file, there.error));
            }
            accepted.insert(there.file);
        }
    }
    for (listed, met) in [(&exceptions.refused, &refused), (&exceptions.accepted, &accepted)] {
        let gone = listed.keys().filter(|file| !met.contains(*file));
        wrong.extend(gone.map(|file| format!("{file}: is an exception, and agrees")));
        wrong.extend(
            listed.iter().filter(|(_, reason)| reason.is_empty()).map(|(file, _)| format!("{file}: no reason")),
        );
    }
    assert!(wrong.is_empty(), "{} of the files differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(read > 400, "only {read} certificates were read");
}

/// The fingerprints of what is read here. DER is put into PEM.
fn here(data: &[u8]) -> (BTreeSet<String>, String) {
    let is_text = data.windows(10).any(|window| window == b"-----BEGIN");
    let text = if is_text { data.to_vec() } else { pem(data).into_bytes() };
    let report = pullgate::check_certificates(&text, THEN);
    let said = serde_json::to_string(&report.findings).expect("findings can be written");
    (report.certificates.into_iter().map(|one| one.sha256).collect(), said)
}

#[test]
fn the_component_reads_the_corpus_as_native_code_does() {
    let module = Module::built_in().expect("the component is built: run `cargo xtask module` first");
    let mut folders = vec![folder()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let data = fs::read(&path).expect("the file can be read");
            for text in [data.clone(), pem(&data).into_bytes()] {
                let native = pullgate::check_certificates(&text, THEN);
                let component = module.check_certificates(&text, THEN).expect("the module does not trap");
                assert_eq!(component, native, "{}", path.display());
            }
        }
    }
    assert!(files > 1_500, "only {files} files were there");
}
