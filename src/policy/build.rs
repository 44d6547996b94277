//! Takes the SHA-256 of the rules' source, so that every build can say which rules it has, and writes the table of
//! scripts in a quarter of the size that crate `unicode-script` has it in.

use std::path::PathBuf;
use std::{env, fs, io};

use sha2::{Digest, Sha256};
use unicode_script::{Script, UnicodeScript};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("scripts.rs"), scripts())?;
    println!("cargo::rustc-env=PULLGATE_RULES={}", rules()?);
    Ok(())
}

/// The digest of all files of `src`, and of those that say what Unicode is: ICU4X's version is in the manifest.
fn rules() -> io::Result<String> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut files = Vec::new();
    for path in ["src", "../unicode/Cargo.toml", "../unicode/build.rs", "../unicode/src"] {
        let path = root.join(path);
        println!("cargo::rerun-if-changed={}", path.display());
        collect(path, &mut files)?;
    }
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        let name = file.strip_prefix(&root).map_err(io::Error::other)?;
        // Names and lengths go in too, so that moving text between files shows.
        let content = fs::read(&file)?;
        digest.update(format!("{}\n{}\n", name.display(), content.len()));
        digest.update(content);
    }
    Ok(base16ct::lower::encode_string(&digest.finalize()))
}

/// `BOUNDARIES`: where a script begins, as `first code point << 8 | script`, sorted. `NAMES`: the scripts' names. Script 0
/// is no script in particular. Code points that no script has take that of their neighbours: no host name has them.
fn scripts() -> String {
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

fn collect(path: PathBuf, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path);
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        collect(entry?.path(), files)?;
    }
    Ok(())
}
