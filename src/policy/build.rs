//! Computes the SHA-256 of the rules' source, by which two builds can be compared, and generates the Unicode script
//! table in a quarter of the size of crate `unicode-script`'s.

use std::path::PathBuf;
use std::{env, fs, io};

use sha2::{Digest, Sha256};
use unicode_script::{Script, UnicodeScript};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("scripts.rs"), script_table())?;
    println!("cargo::rustc-env=PULLGATE_RULES={}", rules_digest()?);
    Ok(())
}

/// Returns the digest of all source files that decisions depend on: `src`, and the crate with the Unicode tables. The
/// version of ICU4X is part of that crate's manifest.
fn rules_digest() -> io::Result<String> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut files = Vec::new();
    for path in ["src", "../unicode/Cargo.toml", "../unicode/build.rs", "../unicode/src"] {
        let path = root.join(path);
        println!("cargo::rerun-if-changed={}", path.display());
        collect_files(path, &mut files)?;
    }
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        let name = file.strip_prefix(&root).map_err(io::Error::other)?;
        // Names and lengths are hashed too, so that moving text between files changes the digest.
        let content = fs::read(&file)?;
        digest.update(format!("{}\n{}\n", name.display(), content.len()));
        digest.update(content);
    }
    Ok(base16ct::lower::encode_string(&digest.finalize()))
}

/// Generates `BOUNDARIES`, the sorted starts of script runs as `first code point << 8 | script`, and `NAMES`, the names
/// of the scripts. Script 0 stands for Common and Inherited. Unassigned code points take the script of their
/// neighbours, because no host name contains them.
fn script_table() -> String {
    let mut names = vec!["Common"];
    let mut boundaries: Vec<u32> = Vec::new();
    let mut previous = 0;
    for character in '\0'..=char::MAX {
        let script = match character.script() {
            Script::Unknown => continue,
            Script::Common | Script::Inherited => 0,
            script => match names.iter().position(|name| *name == script.full_name()) {
                Some(place) => place,
                None => {
                    names.push(script.full_name());
                    names.len().saturating_sub(1)
                }
            },
        };
        if script != previous {
            boundaries.push(u32::from(character) << 8 | u32::try_from(script).unwrap_or_default());
            previous = script;
        }
    }
    format!(
        "static BOUNDARIES: [u32; {}] = {boundaries:?};\nstatic NAMES: [&str; {}] = {names:?};\n",
        boundaries.len(),
        names.len()
    )
}

fn collect_files(path: PathBuf, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path);
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        collect_files(entry?.path(), files)?;
    }
    Ok(())
}
