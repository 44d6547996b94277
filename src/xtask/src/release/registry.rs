//! A registry of this run's own, to which image and component are pushed, and from which they are pulled by digest.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use xshell::cmd;

use super::program::scratch;
use super::{image, version, wasm};
use crate::build_stamp::sha256;
use crate::shell::{exists, shell};
use crate::steps::NotRun;

/// The time within which the registry listens.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Pushes image and component, pulls them by the digests of their manifests, and compares every byte.
///
/// # Errors
///
/// [`NotRun`] if this machine has no registry or nothing that pushes.
pub fn push_and_pull() -> Result<()> {
    let sh = shell()?;
    for program in ["docker-registry", "skopeo"] {
        if !exists(&sh, program) {
            return Err(NotRun(format!("there is no `{program}`: install Debian's package of that name")).into());
        }
    }
    let registry = Registry::start(&scratch("registry")?)?;
    for (name, archive) in [("pullgate", image::file()?), ("pullgate-component", wasm::artifact_file()?)] {
        if !archive.exists() {
            println!("{name}: not made on this machine");
            continue;
        }
        let blobs = blobs(&archive)?;
        let digest = manifest_digest(&blobs)?;
        let (port, tag) = (registry.port, version()?);
        let repository = format!("docker://127.0.0.1:{port}/{name}");
        let pulled = scratch("pulled")?;
        // `--preserve-digests` refuses to push anything else than what is in the archive.
        const COPY: [&str; 4] = ["--insecure-policy", "copy", "--quiet", "--preserve-digests"];
        cmd!(sh, "skopeo {COPY...} --dest-tls-verify=false oci-archive:{archive}:{tag} {repository}:{tag}").run()?;
        cmd!(sh, "skopeo {COPY...} --src-tls-verify=false {repository}@{digest} oci:{pulled}:{tag}").run()?;
        ensure!(blobs == folder_blobs(&pulled)?, "`{name}` came back with other bytes");
        println!("{name}@{digest}: {} blobs came back as they were", blobs.len());
    }
    Ok(())
}

/// Returns the files of an image layout in an archive, by their names.
fn blobs(archive: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let file = fs::File::open(archive)?;
    let mut blobs = BTreeMap::new();
    for entry in tar::Archive::new(file).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.display().to_string();
        if entry.header().entry_type().is_file() && path.starts_with("blobs/") {
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            blobs.insert(path, content);
        }
    }
    Ok(blobs)
}

fn folder_blobs(layout: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let blobs = fs::read_dir(layout.join("blobs/sha256"))?.map(|entry| {
        let entry = entry?;
        Ok((format!("blobs/sha256/{}", entry.file_name().to_string_lossy()), fs::read(entry.path())?))
    });
    blobs.collect()
}

/// Returns the digest of the one manifest among the blobs.
fn manifest_digest(blobs: &BTreeMap<String, Vec<u8>>) -> Result<String> {
    let is_manifest = |content: &&Vec<u8>| {
        serde_json::from_slice::<Value>(content)
            .is_ok_and(|value| value["layers"].is_array() && value["config"].is_object())
    };
    let mut manifests = blobs.values().filter(is_manifest);
    match (manifests.next(), manifests.next()) {
        (Some(manifest), None) => Ok(format!("sha256:{}", sha256(manifest))),
        _ => bail!("the layout has not one manifest"),
    }
}

/// Debian's `docker-registry` on a free port of loopback; it ends with this value.
struct Registry {
    process: Child,
    port: u16,
}

impl Registry {
    fn start(folder: &Path) -> Result<Self> {
        let config = folder.join("config.yml");
        let storage = folder.join("storage").display().to_string();
        let text = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {storage}\nhttp:\n  addr: 127.0.0.1:0\n"
        );
        fs::write(&config, text)?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().context("cannot start `docker-registry`")?;
        let log = process.stderr.take().context("the registry has no log")?;
        // From here on, an error ends the process.
        let mut registry = Self { process, port: 0 };
        let (sender, receiver) = mpsc::channel();
        // Reads to the end, so that the registry never waits for its log.
        thread::spawn(move || {
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                if let Some(port) = listening_port(&line) {
                    // The receiver is gone after the first.
                    let _ = sender.send(port);
                }
            }
        });
        registry.port = receiver.recv_timeout(START_TIMEOUT).context("`docker-registry` does not listen")?;
        Ok(registry)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the port in the line of the log that says where the registry listens.
fn listening_port(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("listening on 127.0.0.1:")?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_is_in_the_log() {
        let line = r#"time="2026-12-01T00:00:00Z" level=info msg="listening on 127.0.0.1:40123" go.version=go1.19"#;
        assert_eq!(listening_port(line), Some(40123));
        assert_eq!(listening_port("msg=\"using inmemory blob descriptor cache\""), None);
    }
}
