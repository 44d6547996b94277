//! Notes about a policy and the runtime that is to follow it: differences that the rules cannot see, each with the
//! section of the documentation that has the details.
//!
//! A note is a condition on the document, or on a decision of the module, and a text. No rule is evaluated here.

use clap::ValueEnum;
use pullgate::{Decision, EntryKind, EntryList, Request};
use pullgate_host::{EvaluatorOptions, LoadError, Module, PolicyEvaluator, now};
use serde::Serialize;
use serde_json::Value;

use crate::error::CliError;

/// Maximum number of entries that a note names.
const MAX_NAMED_ENTRIES: usize = 3;

/// References to registries on this machine.
const LOOPBACK_REFERENCES: [&str; 4] = ["localhost/x", "localhost:5000/x", "127.0.0.1/x", "127.0.0.1:5000/x"];

/// The image that containerd pulls for every pod, by any tag.
const SANDBOX_IMAGE: &str = "registry.k8s.io/pause";

/// An image without a registry in its name.
const SHORT_NAME: &str = "alpine";

/// A runtime that asks pullgate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// Docker Engine, by its authorization plugin.
    Docker,
    /// containerd, by its image verifier.
    Containerd,
    /// Kubernetes, by its webhooks.
    Kubernetes,
}

/// A note.
#[derive(Debug, Serialize)]
pub struct RuntimeNote {
    pub runtime: Runtime,
    /// The stable code.
    pub code: &'static str,
    /// The note, human-readable.
    pub text: String,
    /// The file and section of the documentation.
    pub docs: &'static str,
}

/// Returns the notes about a policy without errors, given in canonical form, for each of the runtimes.
pub fn runtime_notes(module: &Module, canonical: &str, runtimes: &[Runtime]) -> Result<Vec<RuntimeNote>, CliError> {
    if runtimes.is_empty() {
        return Ok(Vec::new());
    }
    let policy = PolicyFacts::gather(module, canonical)?;
    let notes = runtimes.iter().flat_map(|runtime| {
        let notes = match runtime {
            Runtime::Docker => docker_notes(&policy),
            Runtime::Containerd => containerd_notes(&policy),
            Runtime::Kubernetes => kubernetes_notes(&policy),
        };
        notes.into_iter().filter(|(applies, ..)| *applies).map(|(_, code, text, docs)| RuntimeNote {
            runtime: *runtime,
            code,
            text,
            docs,
        })
    });
    Ok(notes.collect())
}

/// A condition with the code, the text and the section of its note.
type ConditionalNote = (bool, &'static str, String, &'static str);

fn docker_notes(policy: &PolicyFacts) -> Vec<ConditionalNote> {
    let (networks, insecure) = (name_entries(&policy.insecure_networks), name_entries(&policy.insecure));
    vec![
        (
            !policy.insecure_networks.is_empty() && !policy.resolves_names,
            "insecure-networks",
            format!(
                "{networks} in `insecure-registries` makes dockerd go unverified to names that resolve into it, too, \
                 which this policy verifies: list the registries there one by one"
            ),
            "docs/docker.md#insecure-networks",
        ),
        (
            !policy.insecure.is_empty(),
            "insecure-registries",
            format!(
                "dockerd has to be told of {insecure} in `insecure-registries`, each registry as references have it: \
                 port included, and without wildcards"
            ),
            "docs/docker.md#certificates-and-insecure-registries",
        ),
        (
            policy.has_authorities,
            "certificate-authorities",
            "dockerd does not take authorities from the policy: put them in `/etc/docker/certs.d/HOST:PORT/ca.crt`, a \
             folder for each registry"
                .to_owned(),
            "docs/docker.md#certificates-and-insecure-registries",
        ),
        (
            policy.has_authorities || !policy.insecure.is_empty(),
            "token-servers",
            "with the containerd image store, dockerd verifies a token server by the authorities of the machine only, \
             and the plugin does not see it"
                .to_owned(),
            "docs/docker.md#token-servers",
        ),
        (
            policy.verifies_loopback,
            "loopback",
            "dockerd goes unverified, and over plain HTTP, to 127.0.0.0/8 and to every name that resolves to it, which \
             this policy verifies"
                .to_owned(),
            "docs/docker.md#loopback",
        ),
        (
            policy.is_whitelist_mode,
            "builds",
            "where a build pulls from cannot be seen, so that `docker build` is denied while whitelist mode is on: the \
             setting `docker_builds`"
                .to_owned(),
            "docs/docker.md#builds",
        ),
        (policy.depends_on_dns, "dns", dns_text("dockerd asks"), "docs/docker.md#dns"),
        (
            policy.has_projects,
            "projects",
            "requests of Docker belong to no project, so that the global lists decide: the setting `docker_project`"
                .to_owned(),
            "docs/docker.md#projects",
        ),
    ]
}

fn containerd_notes(policy: &PolicyFacts) -> Vec<ConditionalNote> {
    let insecure = name_entries(&policy.insecure);
    vec![
        (
            policy.is_whitelist_mode,
            "verifier-settings",
            "some settings of the CRI make containerd pull without a verifier, one of them without a word in its log: \
             the section has their names"
                .to_owned(),
            "docs/containerd.md#settings-that-switch-it-off",
        ),
        (
            policy.denies_sandbox_image,
            "sandbox-image",
            format!(
                "containerd pulls the image of every pod's sandbox by the same verifier: without `{SANDBOX_IMAGE}` in \
                 the whitelist, or another `sandbox` that the policy allows, no pod starts"
            ),
            "docs/containerd.md#the-sandbox-image",
        ),
        (
            !policy.insecure.is_empty(),
            "insecure-registries",
            format!(
                "containerd has to be told of {insecure} by `skip_verify` or an `http://` host in the `hosts.toml` of \
                 each registry, which has neither wildcards nor networks"
            ),
            "docs/containerd.md#hoststoml",
        ),
        (
            policy.has_authorities,
            "certificate-authorities",
            "containerd does not take authorities from the policy: name them as `ca` in the `hosts.toml` of each registry"
                .to_owned(),
            "docs/containerd.md#hoststoml",
        ),
        (
            policy.verifies_loopback,
            "loopback",
            "containerd goes over plain HTTP to `localhost` and 127.0.0.1 with a port where they have no `hosts.toml`, \
             which this policy verifies"
                .to_owned(),
            "docs/containerd.md#loopback",
        ),
        (policy.depends_on_dns, "dns", dns_text("containerd asks"), "docs/containerd.md#dns"),
        (
            policy.has_projects,
            "projects",
            "pulls of containerd belong to no project, so that the global lists decide: the setting \
             `containerd_project`, and `project` in the settings of the image verifier"
                .to_owned(),
            "docs/containerd.md#projects",
        ),
    ]
}

fn kubernetes_notes(policy: &PolicyFacts) -> Vec<ConditionalNote> {
    vec![
        (
            policy.has_authorities || !policy.insecure.is_empty(),
            "nodes",
            "how a registry is reached is a setting of every node: neither insecure entries nor authorities of the \
             policy get there by themselves"
                .to_owned(),
            "docs/kubernetes.md#what-the-nodes-do",
        ),
        (
            policy.allows_short_names,
            "short-names",
            format!(
                "`{SHORT_NAME}` is Docker Hub's here, while CRI-O takes it from the registries and aliases of its \
                 `registries.conf`"
            ),
            "docs/kubernetes.md#short-names",
        ),
        (
            policy.denies_sandbox_image,
            "sandbox-image",
            format!(
                "the webhook does not see `{SANDBOX_IMAGE}`; where the nodes have the image verifier, it has to be in the \
                 whitelist, or no pod starts"
            ),
            "docs/containerd.md#the-sandbox-image",
        ),
        (policy.depends_on_dns, "dns", dns_text("the nodes ask"), "docs/kubernetes.md#dns"),
        (
            policy.has_projects,
            "projects",
            "the namespace of an object is its project".to_owned(),
            "docs/kubernetes.md#namespaces-and-projects",
        ),
    ]
}

fn dns_text(who: &str) -> String {
    format!("DNS decides about some registries of this policy, and {who} again when connecting, perhaps another server")
}

/// Formats the first entries of a list.
fn name_entries(entries: &[String]) -> String {
    let mut named: Vec<_> = entries.iter().take(MAX_NAMED_ENTRIES).map(|entry| format!("`{entry}`")).collect();
    if entries.len() > MAX_NAMED_ENTRIES {
        named.push(format!("{} more", entries.len() - MAX_NAMED_ENTRIES));
    }
    match named.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => named.concat(),
    }
}

/// The facts about a policy that the notes depend on.
struct PolicyFacts {
    is_whitelist_mode: bool,
    /// The enabled insecure entries, projects included, in canonical form.
    insecure: Vec<String>,
    /// Those of them that are networks.
    insecure_networks: Vec<String>,
    has_authorities: bool,
    has_projects: bool,
    resolves_names: bool,
    /// True if DNS can decide about a registry (rules M4 and M5).
    depends_on_dns: bool,
    verifies_loopback: bool,
    denies_sandbox_image: bool,
    allows_short_names: bool,
}

impl PolicyFacts {
    fn gather(module: &Module, canonical: &str) -> Result<Self, CliError> {
        let document: Value = serde_json::from_str(canonical)
            .map_err(|error| CliError::without_help(format!("the canonical policy cannot be read: {error}")))?;
        let projects = document.get("projects").and_then(Value::as_object);
        let lists = || std::iter::once(&document).chain(projects.into_iter().flat_map(serde_json::Map::values));
        let insecure: Vec<String> = lists().flat_map(|lists| enabled_entries(lists, "insecure")).collect();
        let mut insecure_networks = Vec::new();
        for entry in &insecure {
            if module.check_entry(entry, EntryList::Insecure)?.kind == Some(EntryKind::Network) {
                insecure_networks.push(entry.clone());
            }
        }
        let resolves_names = document.get("match_resolved_addresses").and_then(Value::as_bool).unwrap_or_default();
        // In the canonical form only wildcards have a star (rule E7).
        let has_wildcards = lists()
            .flat_map(|lists| ["whitelist", "insecure"].map(|list| enabled_entries(lists, list)))
            .flatten()
            .any(|entry| entry.contains('*'));
        let evaluator = load(module, canonical)?;
        let decide = |reference| evaluator.decide_offline(&Request { reference, ..Request::default() });
        let is_whitelist_mode = document.get("whitelist").is_some_and(Value::is_array);
        Ok(Self {
            is_whitelist_mode,
            insecure_networks,
            insecure,
            has_authorities: lists().any(|lists| {
                let authorities = lists.get("certificate_authorities").and_then(Value::as_array);
                authorities.is_some_and(|authorities| !authorities.is_empty())
            }),
            has_projects: projects.is_some_and(|projects| !projects.is_empty()),
            resolves_names,
            depends_on_dns: resolves_names || has_wildcards,
            verifies_loopback: LOOPBACK_REFERENCES.into_iter().any(|reference| match decide(reference) {
                Decision::Allow(allowed) => allowed.attempts.iter().any(|attempt| attempt.verified),
                _ => false,
            }),
            denies_sandbox_image: matches!(decide(SANDBOX_IMAGE), Decision::Deny(_)),
            allows_short_names: matches!(decide(SHORT_NAME), Decision::Allow(_)),
        })
    }
}

fn load(module: &Module, canonical: &str) -> Result<PolicyEvaluator, CliError> {
    match module.load(canonical, now(), EvaluatorOptions::default()) {
        Ok((evaluator, _)) => Ok(evaluator),
        Err(LoadError::Failed(failure)) => Err(failure.into()),
        Err(error @ LoadError::Policy(_)) => Err(CliError::without_help(error.to_string())),
    }
}

/// Returns the enabled entries of a list in canonical form (rules P1 and W5).
fn enabled_entries(lists: &Value, list: &str) -> Vec<String> {
    let entries = lists.get(list).and_then(Value::as_array).into_iter().flatten();
    let enabled = entries.filter(|entry| entry.get("enabled") != Some(&Value::Bool(false)));
    enabled.filter_map(|entry| entry.get("entry").unwrap_or(entry).as_str().map(str::to_owned)).collect()
}
