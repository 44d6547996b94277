//! Docker Engine and containerd as a newer Debian has them, unpacked into `target/engines` and never installed: their
//! programs run on the libraries of an older release, beside the engine that the machine has.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Cmd, Shell, cmd};

use crate::shell::{exists, shell, target};
use crate::steps::NotRun;

/// The release of Debian that the packages are of.
const SUITE: &str = "sid";

/// The packages, with the versions that the tests are written for: a suite has one version of a package, and moves on.
const PACKAGES: [&str; 6] = [
    "docker.io=28.*",
    "docker-cli=28.*",
    "containerd=2.1.*",
    "docker-buildx=0.*",
    "docker-compose=2.*",
    // For the images of the tests.
    "busybox-static=1:1.*",
];

/// The keys of Debian's archive, from package `debian-archive-keyring`.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Returns the folder of the programs, as `/` has them.
pub fn folder() -> PathBuf {
    target().join("engines")
}

/// Fetches the packages unless they are there, and prints their versions.
///
/// # Errors
///
/// [`NotRun`] if this machine cannot have them: no Debian, no network, or the suite has other versions by now.
pub fn fetch() -> Result<()> {
    let (folder, stamp) = (folder(), folder().join("versions"));
    // The names of the files have the versions; the first line has what they were chosen by.
    let pins = format!("{SUITE}: {}", PACKAGES.join(" "));
    let versions = |text: &str| text.strip_prefix(&pins).map(|files| files.trim().replace('\n', ", "));
    if let Some(versions) = fs::read_to_string(&stamp).ok().as_deref().and_then(versions) {
        println!("{versions}");
        return Ok(());
    }
    let sh = shell()?;
    if !exists(&sh, "apt-get") || !Path::new(KEYRING).exists() {
        return Err(NotRun("the packages of Debian are missing, and this is no Debian".to_owned()).into());
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let files = download(&sh, &folder)
        .map_err(|error| NotRun(format!("Debian's {SUITE} does not give {}: {error:#}", PACKAGES.join(", "))))?;
    let root = folder.join("root");
    for file in &files {
        cmd!(sh, "dpkg --extract").arg(folder.join("packages").join(file)).arg(&root).quiet().run()?;
    }
    fs::remove_dir_all(folder.join("packages"))?;
    fs::write(&stamp, format!("{pins}\n{}\n", files.join("\n")))?;
    println!("{}", files.join(", "));
    Ok(())
}

/// Downloads the packages into `packages` of a folder. Returns the names of the files.
fn download(sh: &Shell, folder: &Path) -> Result<Vec<String>> {
    let (state, packages) = (folder.join("apt"), folder.join("packages"));
    for folder in [&state.join("lists/partial"), &state.join("cache/archives/partial"), &packages] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let sources = state.join("sources.list");
    fs::write(&sources, format!("deb [signed-by={KEYRING}] {} {SUITE} main\n", mirror(sh)?))?;
    // A state of its own: the machine's lists stay as they are, and so do its packages.
    let options = [
        format!("Dir::Etc::SourceList={}", sources.display()),
        "Dir::Etc::SourceParts=/dev/null".to_owned(),
        format!("Dir::State::Lists={}", state.join("lists").display()),
        format!("Dir::Cache={}", state.join("cache").display()),
        "APT::Sandbox::User=root".to_owned(),
        // A mirror that cannot be reached is an error.
        "APT::Update::Error-Mode=any".to_owned(),
        "Acquire::Languages=none".to_owned(),
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
    ];
    let apt_get = || {
        let apt_get =
            options.iter().fold(sh.cmd("apt-get").arg("--quiet"), |apt, option| apt.arg("--option").arg(option));
        apt_get.quiet()
    };
    succeed(apt_get().arg("update"))?;
    {
        let _there = sh.push_dir(&packages);
        succeed(apt_get().arg("download").args(PACKAGES))?;
    }
    fs::remove_dir_all(&state)?;
    let names = fs::read_dir(&packages)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<String>>>()?;
    names.sort();
    Ok(names)
}

/// Returns the mirror that this machine's own packages come from.
fn mirror(sh: &Shell) -> Result<String> {
    const FORMAT: &str = "$(RELEASE) $(REPO_URI)";
    let filters = ["Created-By: Packages", "Component: main"];
    let targets = cmd!(sh, "apt-get indextargets --format {FORMAT} {filters...}").quiet().read()?;
    mirror_in(&targets).map(str::to_owned).context("apt has no source with Debian's `main`")
}

/// Finds the mirror among lines of release and mirror: updates and security are elsewhere.
fn mirror_in(targets: &str) -> Option<&str> {
    let mut sources = targets.lines().filter_map(|line| line.split_once(' '));
    sources.find(|(release, _)| !release.contains('-')).map(|(_, mirror)| mirror)
}

/// Runs a command, whose output is in the error.
fn succeed(command: Cmd<'_>) -> Result<()> {
    let output = command.ignore_status().output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("E: ")).collect();
        bail!("{}", errors.join("; "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirror_is_that_of_the_release_itself() {
        let targets = "bookworm-security http://a.test/debian-security/\nbookworm http://b.test/debian/\n\
                       bookworm-updates http://b.test/debian/\n";
        assert_eq!(mirror_in(targets), Some("http://b.test/debian/"));
        assert_eq!(mirror_in(""), None);
    }

    #[test]
    fn failing_command_is_named_by_its_errors() {
        let sh = shell().unwrap();
        let script = "echo 'W: x' >&2; echo 'E: no `y`' >&2; echo 'E: z' >&2; exit 100";
        let error = succeed(cmd!(sh, "sh -c {script}").quiet()).unwrap_err();
        assert_eq!(error.to_string(), "E: no `y`; E: z");
    }
}
