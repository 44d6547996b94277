//! Helm, built of its public Go module, and the chart as it renders: `tests/kubernetes/chart` has the values and the
//! objects, which the check of the manifests compares with those of kustomize, without Helm.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use xshell::{Cmd, Shell, cmd};

use crate::build_stamp::{inputs, write};
use crate::shell::{exists, root, shell, target};
use crate::steps::NotRun;

/// The version of Helm. To move to a newer one: write it here, and run `cargo xtask helm`.
const HELM_VERSION: &str = "v3.22.0";

/// The chart.
pub const CHART: &str = "deploy/helm/pullgate";

/// The folder with values, `NAME.values.yaml`, and objects, `NAME.yaml`.
const RENDERED: &str = "tests/kubernetes/chart";

/// The oldest version of Kubernetes that the chart takes.
const OLDEST_KUBERNETES: &str = "1.31.0";

/// The namespace of the manifests.
const NAMESPACE: &str = "pullgate-system";

/// Values that the chart must not take: without addresses the network policy lets everybody in, and without an enforcement
/// nobody knows what a webhook that does not answer does.
const OPENING_VALUES: [&str; 4] = ["controlPlane=null", "controlPlane=[]", "enforcement=null", "enforcement=\"off\""];

/// One that it takes.
const GOOD_VALUE: &str = "controlPlane=[\"192.0.2.1/32\"]";

fn program() -> PathBuf {
    target().join("helm").join(HELM_VERSION).join("helm")
}

/// Builds Helm unless it is there, and renders the chart with every file of values.
///
/// # Errors
///
/// [`NotRun`] if Go is missing.
pub fn build() -> Result<()> {
    let sh = shell()?;
    let program = program();
    if !program.exists() {
        if !exists(&sh, "go") {
            return Err(NotRun("Go is missing: install Go 1.26 or later".to_owned()).into());
        }
        let folder = program.parent().context("the program has no folder")?;
        cmd!(sh, "go install helm.sh/helm/v3/cmd/helm@{HELM_VERSION}").env("GOBIN", folder).run()?;
    }
    for (name, objects) in rendered(&sh)? {
        write(&root().join(RENDERED).join(&name), objects.as_bytes())?;
        println!("{RENDERED}/{name}");
    }
    Ok(())
}

/// Requires that the chart renders as it is written down, and refuses values that would open something.
///
/// # Errors
///
/// [`NotRun`] if Helm is not built, which takes minutes.
pub fn check() -> Result<()> {
    if !program().exists() {
        return Err(NotRun("Helm is not built: `cargo xtask helm` does so, in some 6 minutes".to_owned()).into());
    }
    let sh = shell()?;
    for (name, objects) in rendered(&sh)? {
        let written = fs::read_to_string(root().join(RENDERED).join(&name)).unwrap_or_default();
        ensure!(written == objects, "{RENDERED}/{name} is not what Helm renders: run `cargo xtask helm`");
    }
    require_refusals(&sh)
}

/// Requires that the chart refuses values that would open something, by the schema, and by the templates without it.
fn require_refusals(sh: &Shell) -> Result<()> {
    let helm = program();
    let options = ["--kube-version", OLDEST_KUBERNETES, "--set-json"];
    for value in OPENING_VALUES {
        for option in [None, Some("--skip-schema-validation")] {
            let command = cmd!(sh, "{helm} template pullgate {CHART} {options...} {value} {option...}");
            ensure!(output(command).is_err(), "the chart takes `{value}` {}", option.unwrap_or_default());
        }
    }
    // It is the value that is refused.
    output(cmd!(sh, "{helm} template pullgate {CHART} {options...} {GOOD_VALUE}")).map(drop)
}

/// Returns the rendered objects for each file of values, with the digest of what they are made of.
fn rendered(sh: &Shell) -> Result<Vec<(String, String)>> {
    let helm = program();
    output(cmd!(sh, "{helm} lint --strict --quiet --kube-version {OLDEST_KUBERNETES} {CHART}"))?;
    let mut rendered = Vec::new();
    for entry in root().join(RENDERED).read_dir()? {
        let path = entry?.path();
        let file = Path::new(path.file_name().unwrap_or_default()).display().to_string();
        let Some(name) = file.strip_suffix(".values.yaml") else { continue };
        let values = format!("{RENDERED}/{file}");
        let digest = inputs(&[CHART, &values])?;
        let options = ["--namespace", NAMESPACE, "--kube-version", OLDEST_KUBERNETES];
        let objects = output(cmd!(sh, "{helm} template pullgate {CHART} {options...} --values {values}"))?;
        let head = "Written by `cargo xtask helm`; the SHA-256 is that of the chart and the values";
        rendered.push((format!("{name}.yaml"), format!("# {head}.\n# {digest}\n{objects}")));
    }
    ensure!(!rendered.is_empty(), "{RENDERED} has no values");
    Ok(rendered)
}

/// Returns the output of Helm. It speaks of the link to the policy in every run, so that the rest is shown with an
/// error only.
fn output(command: Cmd<'_>) -> Result<String> {
    let text = command.to_string();
    let output = command.quiet().ignore_status().output()?;
    if !output.status.success() {
        bail!("`{text}` failed\n{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}
