//! A policy as OpenShift's configuration of images.

use crate::blocked::{refused_prefixes, unrefusable};
use crate::config_value::ConfigValue;
use crate::containers::matches_prefix;
use crate::export::{Export, ExportError, ExportRequest, ExportedEntry, ExportedList, Fidelity};
use crate::host_files::ConfigFile;
use crate::openshift::{
    API_VERSION, AUTHORITIES_NAME, AUTHORITIES_NAMESPACE, CLUSTER_REGISTRIES, IMAGE_YAML, authority_key,
};
use crate::policy_view::{EntryHosts, is_below};
use crate::registries::{NamedRegistry, RegistryTerms, authority_entries, named_registries, registries_of};
use crate::registry_name::split_port;
use crate::scopes::{ScopePlan, ScopeTerms};
use crate::yaml::write_yaml;

const SCOPES: ScopeTerms = ScopeTerms { program: "OpenShift", can_reject: false };

const REGISTRIES: RegistryTerms = RegistryTerms {
    program: "OpenShift",
    place: "insecureRegistries",
    has_insecure_docker_hub: false,
    enforcement: "",
};

/// Exports a policy.
pub fn export(request: &ExportRequest<'_>) -> Result<Export, ExportError> {
    let policy = &request.policy;
    let is_whitelist_mode = policy.view.is_whitelist_mode();
    if let Some(reason) = unrefusable(policy.view, !is_whitelist_mode).filter(|_| !request.allows_wider) {
        return Err(ExportError::Wider(reason));
    }
    let plan = ScopePlan::new(policy, &SCOPES, request.allows_wider);
    if is_whitelist_mode && plan.accepted.is_empty() && !request.allows_wider {
        let reason = "no entry of the whitelist can be said, and an empty `allowedRegistries` allows every registry";
        return Err(ExportError::Wider(reason.to_owned()));
    }
    let mut export = Export::default();
    let mut sources = ConfigValue::map(Vec::<(String, ConfigValue)>::new());
    let strings = |texts: Vec<String>| ConfigValue::list(texts.into_iter().map(ConfigValue::string));
    if is_whitelist_mode {
        sources.set("allowedRegistries", strings(plan.accepted.iter().cloned().collect()));
    }
    let registries = named_registries(policy);
    // Without a port a registry would be insecure on every port, and Docker Hub is not made insecure.
    let is_told = |registry: &&NamedRegistry| registry.is_insecure() && split_port(&registry.registry).1.is_some();
    let blocked = blocked_entries(request, &mut export);
    let is_refused = |name: &String| blocked.iter().any(|prefix| matches_prefix(name, prefix));
    let insecure = registries.iter().filter(is_told).map(|registry| registry.registry.clone());
    // The longest prefix decides, and one of an insecure registry inside of a blocked one would let it through.
    let insecure: Vec<_> = insecure.filter(|name| !is_refused(name)).collect();
    if !insecure.is_empty() {
        sources.set("insecureRegistries", strings(insecure.clone()));
    }
    if !is_whitelist_mode && !blocked.is_empty() {
        sources.set("blockedRegistries", strings(blocked));
    }
    let mut spec = ConfigValue::map([("registrySources", sources)]);
    let authorities: Vec<_> = registries.iter().filter(|registry| !registry.authorities().is_empty()).collect();
    let mut text = String::new();
    if !authorities.is_empty() {
        let data = authorities.iter().map(|registry| {
            (authority_key(&registry.registry), ConfigValue::string(policy.plain_pem(registry.authorities())))
        });
        let metadata = [("name", AUTHORITIES_NAME), ("namespace", AUTHORITIES_NAMESPACE)];
        let map = ConfigValue::map([
            ("apiVersion", ConfigValue::string("v1")),
            ("kind", ConfigValue::string("ConfigMap")),
            ("metadata", ConfigValue::map(metadata.map(|(name, value)| (name, ConfigValue::string(value))))),
            ("data", ConfigValue::map(data)),
        ]);
        text = format!("{}---\n", write_yaml(&map));
        spec.set("additionalTrustedCA", ConfigValue::map([("name", ConfigValue::string(AUTHORITIES_NAME))]));
    }
    let image = ConfigValue::map([
        ("apiVersion", ConfigValue::string(API_VERSION)),
        ("kind", ConfigValue::string("Image")),
        ("metadata", ConfigValue::map([("name", ConfigValue::string("cluster"))])),
        ("spec", spec),
    ]);
    text.push_str(&write_yaml(&image));
    export.files.push(ConfigFile::text(IMAGE_YAML, text));
    let entries = plan.entries.into_iter().map(|entry| with_transport(entry, request, &insecure));
    export.entries.splice(0..0, entries.collect::<Vec<_>>());
    export.entries.extend(authority_entries(policy, &REGISTRIES));
    add_notes(request, &plan.accepted, &mut export);
    Ok(export)
}

/// Adds the limits of insecure registries to an entry: OpenShift compares prefixes, in which no port is every port.
fn with_transport(mut entry: ExportedEntry, request: &ExportRequest<'_>, told: &[String]) -> ExportedEntry {
    let policy = &request.policy;
    if !policy.view.is_whitelist_mode() {
        (entry.fidelity, entry.reason) = (Fidelity::Equal, None);
    }
    if entry.list == ExportedList::Insecure {
        let own = policy.view.insecure.iter().find(|own| own.text == entry.entry && own.port.is_some());
        let registries = own.map(|own| registries_of(policy, own)).unwrap_or_default();
        let is_told = !registries.is_empty() && registries.iter().all(|registry| told.contains(registry));
        if !is_told {
            let reason = "`insecureRegistries` is told of registries with a port of their own only: it is verified";
            entry.fidelity = if entry.fidelity == Fidelity::Wider { Fidelity::Wider } else { Fidelity::Narrower };
            let reasons = [entry.reason.take(), Some(reason.to_owned())];
            entry.reason = Some(reasons.into_iter().flatten().collect::<Vec<_>>().join("; "));
        }
    }
    entry
}

/// Reports the blocked entries. OpenShift takes `allowedRegistries` or `blockedRegistries`, not both.
fn blocked_entries(request: &ExportRequest<'_>, export: &mut Export) -> Vec<String> {
    let view = request.policy.view;
    let mut blocked = Vec::new();
    for entry in &view.blocked {
        let exported = |fidelity, reason: &str| {
            ExportedEntry::new(ExportedList::Blocked, &entry.text, fidelity, Some(reason.to_owned()))
        };
        export.entries.push(match refused_prefixes(entry) {
            _ if view.is_whitelist_mode() => {
                let reason = "`allowedRegistries` rules `blockedRegistries` out: what may be in it is not in \
                `allowedRegistries`";
                exported(Fidelity::Narrower, reason)
            }
            Some(refused) => {
                blocked.extend(refused.prefixes);
                match refused.is_exact {
                    true => ExportedEntry::new(ExportedList::Blocked, &entry.text, Fidelity::Equal, None),
                    false => exported(
                        Fidelity::Narrower,
                        "a registry is blocked with all of its ports and \
                    repositories",
                    ),
                }
            }
            None => exported(Fidelity::Wider, "`blockedRegistries` has no place for it"),
        });
    }
    blocked
}

fn add_notes(request: &ExportRequest<'_>, accepted: &std::collections::BTreeSet<String>, export: &mut Export) {
    export.notes.push(
        "`oc apply -f` replaces `registrySources` and `additionalTrustedCA` of the object `cluster`; the nodes are \
        updated one \
         by one"
            .to_owned(),
    );
    let denied = CLUSTER_REGISTRIES.iter().filter(|name| {
        let is_around = |scope: &String| scope.strip_prefix("*.").is_some_and(|domain| is_below(name, domain));
        !accepted.iter().any(|scope| scope == *name || is_around(scope) || scope.starts_with(&format!("{name}/")))
    });
    let denied: Vec<_> = denied.map(|name| format!("`{name}`")).collect();
    if request.policy.view.is_whitelist_mode() && !denied.is_empty() {
        export.notes.push(format!(
            "the cluster pulls its own images from {}, which the whitelist does not have: without them it cannot be \
            updated",
            denied.join(", ")
        ));
    }
    if request.policy.view.blocked.iter().any(|entry| matches!(entry.hosts, EntryHosts::Name(_))) {
        export
            .notes
            .push("names are compared as they are written: in lower case, and in A-labels beyond ASCII".to_owned());
    }
}
