//! The container image: the program, and of Debian the libraries alone that it is linked with. No container engine
//! takes part, so that the same program and the same libraries give the same bytes.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};
use xshell::{Shell, cmd};

use super::archive::{FileTree, gzip};
use super::oci::{ImageLayout, MANIFEST_TYPE, annotations};
use super::program::{self, run_in_root, scratch};
use super::{CommitTime, folder, version};
use crate::binary;
use crate::build_stamp::sha256;
use crate::shell::{exists, root, shell};
use crate::steps::NotRun;

/// The file that says how the image is run. Those who build their own image have the same.
const CONTAINERFILE: &str = "deploy/container/Containerfile";

const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The place of the program in the image.
const PROGRAM: &str = "usr/bin/pullgate";

/// Returns the path of the image in the release.
pub fn file() -> Result<PathBuf> {
    Ok(folder()?.join(format!("pullgate-{}-image.oci.tar", version()?)))
}

/// Writes the image, and runs the program in a root that has its layers and nothing else.
///
/// # Errors
///
/// [`NotRun`] if the libraries of this machine are not Debian's.
pub fn write() -> Result<()> {
    let sh = shell()?;
    if !exists(&sh, "dpkg-query") {
        return Err(NotRun("its libraries are Debian's, and this is no Debian".to_owned()).into());
    }
    let time = CommitTime::read()?;
    let (libraries, packages) = libraries(&sh)?;
    let mut programs = FileTree::default();
    programs.add_program(PROGRAM, fs::read(binary::path())?);
    programs.add("usr/share/doc/pullgate/copyright", fs::read(root().join("LICENSE"))?);

    let (mut layout, unpacked) = (ImageLayout::default(), scratch("image")?);
    let (mut layers, mut diff_ids, mut history) = (Vec::new(), Vec::new(), Vec::new());
    for (tree, origin) in [(libraries, packages), (programs, format!("pullgate {}", version()?))] {
        let tar = tree.tar(time.seconds)?;
        diff_ids.push(format!("sha256:{}", sha256(&tar)));
        tar::Archive::new(tar.as_slice()).unpack(&unpacked)?;
        layers.push(layout.add(LAYER_TYPE, gzip(&tar)?));
        history.push(json!({ "created": time.text, "created_by": origin }));
    }
    program::check(|arguments| run_in_root(&unpacked, &format!("/{PROGRAM}"), arguments))?;

    let config = json!({
        "created": time.text,
        "architecture": "amd64",
        "os": "linux",
        "config": run_configuration(&fs::read_to_string(root().join(CONTAINERFILE))?)?,
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": history,
    });
    let config = layout.add(CONFIG_TYPE, serde_json::to_vec(&config)?);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": config,
        "layers": layers,
        "annotations": annotations("Decides which container registries may be used, and how")?,
    });
    fs::write(file()?, layout.archive(&manifest, &version()?, time.seconds)?)?;
    Ok(())
}

/// Returns the libraries that the program loads, with the licences of their packages, and the names of these with their
/// versions.
fn libraries(sh: &Shell) -> Result<(FileTree, String)> {
    let program = binary::path();
    let listed = cmd!(sh, "ldd {program}").quiet().read()?;
    let (mut tree, mut packages) = (FileTree::default(), BTreeSet::new());
    for path in library_paths(&listed)? {
        tree.add_program(path.trim_start_matches('/'), fs::read(path).with_context(|| format!("cannot read {path}"))?);
        let owner = cmd!(sh, "dpkg-query --search {path}").quiet().read()?;
        let package = owner.split(':').next().unwrap_or_default().to_owned();
        let licence = format!("usr/share/doc/{package}/copyright");
        tree.add(licence.as_str(), fs::read(format!("/{licence}"))?);
        packages.insert(package);
    }
    const FORMAT: &str = "--showformat=${Package} ${Version}, ";
    let versions = cmd!(sh, "dpkg-query --show {FORMAT} {packages...}").quiet().read()?;
    Ok((tree, versions.trim_end_matches(", ").to_owned()))
}

/// Returns the paths in what `ldd` prints. The first line is the kernel's, which is no file.
fn library_paths(listed: &str) -> Result<Vec<&str>> {
    let mut paths = Vec::new();
    for line in listed.lines().map(str::trim).filter(|line| !line.starts_with("linux-vdso")) {
        let path = line.split_once("=> ").map_or(line, |(_, path)| path);
        match path.split_once(" (0x") {
            Some((path, _)) if path.starts_with('/') => paths.push(path),
            _ => bail!("a library of the program is not found: {line}"),
        }
    }
    ensure!(!paths.is_empty(), "the program loads no library");
    Ok(paths)
}

/// Returns the part of the image's configuration that says how it is run, from the instructions of a Containerfile.
fn run_configuration(containerfile: &str) -> Result<Value> {
    let mut configuration = Map::new();
    for line in containerfile.lines() {
        let Some((instruction, value)) = line.split_once(' ') else { continue };
        let list = || serde_json::from_str::<Vec<String>>(value).with_context(|| format!("`{line}` has no list"));
        match instruction {
            "USER" => configuration.insert("User".to_owned(), json!(value)),
            "EXPOSE" => configuration.insert("ExposedPorts".to_owned(), json!({ format!("{value}/tcp"): {} })),
            "ENTRYPOINT" => configuration.insert("Entrypoint".to_owned(), json!(list()?)),
            "CMD" => configuration.insert("Cmd".to_owned(), json!(list()?)),
            "#" | "FROM" | "COPY" => None,
            other => bail!("the image cannot be made of `{other}`: write here what it means"),
        };
    }
    for member in ["User", "ExposedPorts", "Entrypoint", "Cmd"] {
        ensure!(configuration.contains_key(member), "the Containerfile says nothing of `{member}`");
    }
    Ok(Value::Object(configuration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containerfile_says_how_the_image_is_run() {
        let text = fs::read_to_string(root().join(CONTAINERFILE)).unwrap();
        let configuration = run_configuration(&text).unwrap();
        assert_eq!(configuration["User"], "65532:65532");
        assert_eq!(configuration["Entrypoint"], json!(["/usr/bin/pullgate"]));
        assert_eq!(configuration["ExposedPorts"], json!({ "8443/tcp": {} }));
        let error = |text: &str| run_configuration(text).unwrap_err().to_string();
        assert!(error("RUN true").starts_with("the image cannot be made of `RUN`"));
        assert_eq!(error("USER 1:1"), "the Containerfile says nothing of `ExposedPorts`");
        assert!(error("CMD serve").contains("has no list"));
    }

    #[test]
    fn library_that_is_missing_is_an_error() {
        let listed = "\tlinux-vdso.so.1 (0x1)\n\tlibm.so.6 => /lib/libm.so.6 (0x2)\n\t/lib64/ld.so (0x3)";
        assert_eq!(library_paths(listed).unwrap(), ["/lib/libm.so.6", "/lib64/ld.so"]);
        assert!(library_paths("\tlibx.so => not found").is_err());
        assert!(library_paths("\tstatically linked").is_err());
    }
}
