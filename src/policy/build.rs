//! Computes the SHA-256 of the rules' source, by which two builds can be compared, and generates two tables: Unicode
//! scripts in a quarter of the size of crate `unicode-script`'s, and the public suffix list in half of its size.

#[path = "src/host/domain_hash.rs"]
mod domain_hash;
#[path = "build/suffix_list.rs"]
mod suffix_list;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs, io};

use sha2::{Digest, Sha256};
use unicode_script::{Script, UnicodeScript};

/// The width of the hash of a public suffix: one in 10,000 other domains has the same as one of some 6,000 suffixes.
const SUFFIX_HASH_BITS: u32 = 26;
/// The width of the hash of a top-level domain. A wrong answer costs a warning only.
const TOP_LEVEL_HASH_BITS: u32 = 20;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("scripts.rs"), script_table())?;
    let suffixes = suffix_tables();
    println!("cargo::rustc-env=PULLGATE_RULES={}", rules_digest(&suffixes)?);
    fs::write(out.join("public_suffixes.rs"), suffixes)
}

/// Returns the digest of all that decisions and findings depend on: the source files in `src`, those of the crate with the
/// Unicode tables by their own digest, and the public suffix list, of which no file here has the version. The version of
/// ICU4X is part of the manifest of the crate with its tables.
fn rules_digest(suffixes: &str) -> io::Result<String> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut files = Vec::new();
    for path in ["src", "build/unicode.sha256"] {
        let path = root.join(path);
        println!("cargo::rerun-if-changed={}", path.display());
        collect_files(path, &mut files)?;
    }
    files.sort();
    let mut digest = Sha256::new();
    digest.update(suffixes);
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

/// Generates the tables of src/host/public_suffix.rs: `SUFFIXES` with the domains of two or more labels that are public
/// suffixes or stand above one; `WILDCARDS` with the domains of which every name directly below is a suffix;
/// `TOP_LEVEL_DOMAINS`; and `EXCEPTIONS`, the domains directly below those of `WILDCARDS` that are no suffixes.
fn suffix_tables() -> String {
    let (mut suffixes, mut wildcards, mut top_level) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut exceptions = Vec::new();
    for node in suffix_list::suffix_nodes() {
        let hash = |bits| domain_hash::domain_hash(&node.domain, bits);
        let depth = node.domain.split('.').count();
        if node.has_wildcard {
            wildcards.insert(hash(SUFFIX_HASH_BITS));
        }
        if depth == 1 {
            top_level.insert(hash(TOP_LEVEL_HASH_BITS));
        } else if node.is_exception {
            exceptions.push(node.domain);
        } else if depth == 2 || !node.is_icann || node.is_parent {
            suffixes.insert(hash(SUFFIX_HASH_BITS));
        }
    }
    format!(
        "{}{}{}static EXCEPTIONS: [&str; {}] = {exceptions:?};\n",
        hash_table("SUFFIXES", SUFFIX_HASH_BITS, &suffixes),
        hash_table("WILDCARDS", SUFFIX_HASH_BITS, &wildcards),
        hash_table("TOP_LEVEL_DOMAINS", TOP_LEVEL_HASH_BITS, &top_level),
        exceptions.len(),
    )
}

/// Generates a `HashTable` of sorted hashes.
fn hash_table(name: &str, bits: u32, hashes: &BTreeSet<u32>) -> String {
    let (mut low, mut high, mut previous) = (Vec::new(), Vec::new(), 0);
    for hash in hashes {
        let [lowest, higher @ ..] = (hash - previous).to_le_bytes();
        let mut rest = u32::from_le_bytes([higher[0], higher[1], higher[2], 0]);
        while rest >= 255 {
            high.push(255);
            rest -= 255;
        }
        high.extend(u8::try_from(rest));
        low.push(lowest);
        previous = *hash;
    }
    format!("static {name}: HashTable = HashTable::new({bits}, &{low:?}, &{high:?});\n")
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
