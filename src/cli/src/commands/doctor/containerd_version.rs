//! The version of containerd: before 2.1, nothing asks image verifiers for the pulls of a node.

use std::process::Command;

use pullgate_runtimes::{Disagreement, DisagreementEffect};

/// The first version whose pulls for Kubernetes ask image verifiers.
const FIRST_VERSION: [u32; 2] = [2, 1];

/// Returns a disagreement if the containerd of this host is one that asks no image verifier.
pub fn diagnose_version() -> Option<Disagreement> {
    // Without the program there is no version to tell.
    let output = Command::new("containerd").arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = parse_version(&text).filter(|version| *version < FIRST_VERSION)?;
    let [major, minor] = version;
    Some(Disagreement {
        code: "containerd-too-old",
        effect: DisagreementEffect::Silent,
        file: "containerd --version".to_owned(),
        line: None,
        text: format!(
            "containerd {major}.{minor} asks no image verifier for the pulls of a node, so that everything is allowed"
        ),
        mend: "install containerd 2.1 or later, or lead its pulls through the gate (docs/gate.md)".to_owned(),
    })
}

/// Returns the major and minor version of `containerd PACKAGE VERSION REVISION`.
fn parse_version(text: &str) -> Option<[u32; 2]> {
    let version = text.split_whitespace().nth(2)?;
    let mut numbers = version.strip_prefix('v').unwrap_or(version).split('.').map(str::parse);
    Some([numbers.next()?.ok()?, numbers.next()?.ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_packages() {
        for (text, version) in [
            ("containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u1\n", Some([1, 6])),
            ("containerd containerd.io v2.1.5 fcd43222d6b07379a4be9786bda52438f0dd16a1\n", Some([2, 1])),
            ("containerd github.com/containerd/containerd/v2 v2.0.0-rc.1 x\n", Some([2, 0])),
            ("containerd github.com/containerd/containerd 2.10.0 x\n", Some([2, 10])),
            ("containerd", None),
            ("containerd x unknown", None),
        ] {
            assert_eq!(parse_version(text), version, "{text}");
        }
        assert!(parse_version("containerd x 2.10.0").is_some_and(|version| version >= FIRST_VERSION));
    }
}
