//! Compares the generated files: those of the table of finding codes, and the digest of the crate with the Unicode tables.
//! `cargo xtask codegen` writes them: it runs this test with `PULLGATE_CODEGEN=write`.

use std::error::Error;
use std::fmt::{self, Write};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use pullgate::{CODES, Severity};
use sha2::{Digest, Sha256};

#[test]
fn generated_files_are_current() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let generated = [
        ("docs/findings.md", page()?),
        ("pkg/codes.d.ts", types()?),
        ("src/policy/build/unicode.sha256", unicode_digest(&root.join("src/unicode"))?),
    ];
    for (name, text) in generated {
        let path = root.join(name);
        if fs::read_to_string(&path).is_ok_and(|present| present == text) {
            continue;
        }
        match env::var_os("PULLGATE_CODEGEN") {
            Some(_) => fs::write(&path, text)?,
            None => {
                return Err(format!("`{name}` is not what its sources make of it: run `cargo xtask codegen`").into());
            }
        }
    }
    Ok(())
}

fn page() -> Result<String, fmt::Error> {
    let mut page = PAGE.to_owned();
    for row in CODES {
        // A bar inside a cell would end it.
        let meaning = row.meaning.replace('|', "\\|");
        writeln!(page, "| `{}` | {} | {} | {meaning} |", row.name, severity(row.severity), row.rule)?;
    }
    Ok(page)
}

fn types() -> Result<String, fmt::Error> {
    let mut types = TYPES.to_owned();
    for row in CODES {
        write!(types, "\n  /** {} ({}, {}) */\n  | \"{}\"", row.meaning, severity(row.severity), row.rule, row.name)?;
    }
    types.push_str(";\n");
    Ok(types)
}

/// Returns the digest of a crate's files. The digest of the rules takes it in, also where the crate is not there.
fn unicode_digest(folder: &Path) -> io::Result<String> {
    let sources = folder.join("src").read_dir()?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    let mut files: Vec<PathBuf> =
        [folder.join("Cargo.toml"), folder.join("build.rs")].into_iter().chain(sources).collect();
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        let content = fs::read(&file)?;
        digest.update(format!("{}\n{}\n", file.strip_prefix(folder).unwrap_or(&file).display(), content.len()));
        digest.update(content);
    }
    Ok(format!("{}\n", base16ct::lower::encode_string(&digest.finalize())))
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

const PAGE: &str = "\
<!-- Written by `cargo xtask codegen` from the table in src/policy/src/finding/code.rs. -->

# Findings

A finding is one thing said about an entry or a policy document. Its code never changes its meaning, so programs match
on the code; messages are for people and may be worded better at any time. A code always has the same severity:

- **error**: the input is refused. A policy with an error does not load, unless the error is `certificate-expired`: that
  certificate is left out (rule P3).
- **warning**: the input is accepted, and is probably not what was meant.
- **info**: worth knowing.

The rule is the one in [rules.md](rules.md) that the finding follows from.

| code | severity | rule | meaning |
|---|---|---|---|
";

const TYPES: &str = "\
// Written by `cargo xtask codegen` from the table in src/policy/src/finding/code.rs.

/** The code of a finding. Match on this, never on messages. */
export type FindingCode =";
