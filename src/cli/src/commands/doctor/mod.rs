//! `pullgate doctor`: the settings of a host that do otherwise than a policy.

mod containerd_version;
mod gate_proof;

use std::path::Path;

use pullgate_runtimes::{
    Disagreement, DisagreementEffect, DoctorRequest, HostFiles, Target, gate_proof_images, read_source_files,
};
use serde::Serialize;

use crate::args::DoctorArgs;
use crate::commands::doctor::containerd_version::diagnose_version;
use crate::commands::doctor::gate_proof::{GateProof, prove_gate};
use crate::commands::export::LoadedPolicy;
use crate::error::CliError;
use crate::output::{
    BAD_STYLE, GOOD_STYLE, INFO_STYLE, OutputWriter, WARNING_STYLE, escape_for_terminal, json_line, styled,
};

/// The result as JSON.
#[derive(Serialize)]
struct DoctorReport {
    /// True if there are no disagreements.
    agrees: bool,
    disagreements: Vec<TargetDisagreement>,
    /// The engines that were refused by the gate.
    #[serde(skip_serializing_if = "Option::is_none")]
    proofs: Option<Vec<GateProof>>,
}

/// A disagreement with a target.
#[derive(Serialize)]
struct TargetDisagreement {
    target: Target,
    #[serde(flatten)]
    disagreement: Disagreement,
}

/// Runs the command. Returns whether there are no disagreements.
pub fn run(arguments: &DoctorArgs) -> Result<bool, CliError> {
    if !arguments.root.is_dir() {
        return Err(CliError::new(
            format!("there is no folder `{}`", arguments.root.display()),
            "give the folder below which the files of the host are",
        ));
    }
    check_files(arguments)?;
    let policy = LoadedPolicy::load(&arguments.flags)?;
    let (files, sources) = (HostFiles::below(&arguments.root), read_source_files(&arguments.files)?);
    let gate = arguments.gate.as_ref();
    let request = DoctorRequest { policy: policy.context(), files: &files, gate, sources: &sources };
    let mut disagreements = Vec::new();
    for target in &arguments.targets {
        let mut found = target.diagnose(&request).map_err(|error| CliError::without_help(error.to_string()))?;
        // The files of another root are another host's, and through the gate no verifier is needed.
        let asks_verifier = *target == Target::Containerd && arguments.gate.is_none();
        if asks_verifier && arguments.root == Path::new("/") && policy.context().view.restricts_access() {
            found.extend(diagnose_version());
        }
        disagreements
            .extend(found.into_iter().map(|disagreement| TargetDisagreement { target: *target, disagreement }));
    }
    let mut proofs = Vec::new();
    if arguments.prove {
        let images = gate_proof_images(&policy.context());
        for target in &arguments.targets {
            match prove_gate(*target, &images)? {
                Ok(proof) => proofs.push(proof),
                Err(disagreement) => disagreements.push(TargetDisagreement { target: *target, disagreement }),
            }
        }
    }
    let agrees = disagreements.is_empty();
    let mut output = OutputWriter::new(arguments.json);
    if arguments.json {
        let proofs = arguments.prove.then_some(proofs);
        output.line(json_line(&DoctorReport { agrees, disagreements, proofs })?)?;
    } else {
        for GateProof { command, error, .. } in &proofs {
            let label = styled(GOOD_STYLE, "proved");
            let (command, error) = (escape_for_terminal(command), escape_for_terminal(error));
            output.line(format!("{label}: `{command}` was refused by the gate\n  {error}\n"))?;
        }
        for TargetDisagreement { target, disagreement } in &disagreements {
            output.line(render(*target, disagreement))?;
        }
        output.line(summary(&disagreements))?;
    }
    output.flush()?;
    Ok(agrees)
}

/// Requires files for programs that have their settings in some, and for no others; and a gate for engines only.
fn check_files(arguments: &DoctorArgs) -> Result<(), CliError> {
    let of_files = arguments.targets.iter().find(|target| !Target::ON_HOSTS.contains(target));
    match of_files.map(|target| target.as_str()) {
        Some(target) if arguments.files.is_empty() => Err(CliError::new(
            format!("`{target}` has no settings on this host"),
            "give the files that have them, or `-`: what `kubectl get ... -o yaml` prints, a command line or JSON",
        )),
        Some(target) if arguments.gate.is_some() => Err(CliError::new(
            format!("`{target}` has no settings that lead through the gate"),
            "leave `--gate` out, or compare the programs on the hosts",
        )),
        None if !arguments.files.is_empty() => Err(CliError::new(
            "the settings of these programs are where they are on a host",
            "leave the files out, or give another root folder with `--root`",
        )),
        _ => Ok(()),
    }
}

fn render(target: Target, disagreement: &Disagreement) -> String {
    let Disagreement { code, effect, file, line, text, mend } = disagreement;
    let label = match effect {
        DisagreementEffect::Silent => styled(BAD_STYLE, format!("silent[{code}]")),
        DisagreementEffect::Fails => styled(WARNING_STYLE, format!("fails[{code}]")),
    };
    let line = line.map(|line| format!(":{line}")).unwrap_or_default();
    format!(
        "{label}: {}\n  --> {}{line} ({})\n  {}: {}\n",
        escape_for_terminal(text),
        escape_for_terminal(file),
        target.as_str(),
        styled(INFO_STYLE, "mend"),
        escape_for_terminal(mend)
    )
}

fn summary(disagreements: &[TargetDisagreement]) -> String {
    let silent = disagreements.iter().filter(|each| each.disagreement.effect == DisagreementEffect::Silent).count();
    match disagreements.len() {
        0 => styled(GOOD_STYLE, "the settings agree with the policy"),
        1 => format!("{}, {silent} of them silent", styled(BAD_STYLE, "1 disagreement")),
        count => format!("{}, {silent} of them silent", styled(BAD_STYLE, format!("{count} disagreements"))),
    }
}
