//! A policy as settings of containers/image.

use std::collections::BTreeMap;

use toml_edit::{DocumentMut, Item, value};

use crate::blocked::{refused_prefixes, unrefusable};
use crate::config_value::{ConfigKind, ConfigValue};
use crate::containers::gate::add_gate;
use crate::containers::registries_conf::{RegistriesConf, matches_prefix};
use crate::containers::signature_policy::{Requirement, SignaturePolicy, accept, effect, reject};
use crate::containers::{CERTS_FOLDERS, OWN_REGISTRIES, POLICY_JSON, REGISTRIES_CONF, REGISTRIES_FOLDER};
use crate::decisions::{PolicyContext, RegistryAccess};
use crate::docker_hub;
use crate::export::{Export, ExportError, ExportRequest, ExportedEntry, ExportedList, Fidelity};
use crate::host_files::{ConfigFile, HostFiles};
use crate::json_edit::{set_members, to_input};
use crate::policy_view::{EntryHosts, PolicyEntry, covers_docker_hub, is_below, kind_noun};
use crate::registries::{RegistryTerms, authority_entries, named_registries, registries_of};
use crate::registry_name::address_of;
use crate::scopes::{ScopePlan, ScopeTerms};

const SCOPES: ScopeTerms = ScopeTerms { program: "policy.json", can_reject: true };

const REGISTRIES: RegistryTerms = RegistryTerms {
    program: "containers/image",
    place: "registries.conf",
    has_insecure_docker_hub: false,
    enforcement: "",
};

/// Transports of images that are on the machine already, by their names in policy.json.
const LOCAL_TRANSPORTS: [&str; 8] =
    ["containers-storage", "dir", "docker-archive", "docker-daemon", "oci", "oci-archive", "sif", "tarball"];

/// Exports a policy.
pub fn export(request: &ExportRequest<'_>) -> Result<Export, ExportError> {
    let policy = &request.policy;
    if let Some(reason) = unrefusable(policy.view, !policy.view.is_whitelist_mode()).filter(|_| !request.allows_wider) {
        return Err(ExportError::Wider(reason));
    }
    let mut export = Export::default();
    let mut plan = ScopePlan::new(policy, &SCOPES, request.allows_wider);
    add_policy_json(request, &plan, &mut export)?;
    let insecure = InsecurePrefixes::new(policy);
    for (entry, transport) in
        plan.entries.iter_mut().filter(|entry| entry.list == ExportedList::Insecure).zip(&insecure.reasons)
    {
        // Where the mode is off, the scopes are not written.
        if !policy.view.is_whitelist_mode() {
            (entry.fidelity, entry.reason) = (Fidelity::Equal, None);
        }
        if let Some(reason) = transport {
            entry.fidelity = if entry.fidelity == Fidelity::Wider { Fidelity::Wider } else { Fidelity::Narrower };
            let reasons = [entry.reason.take(), Some(reason.clone())];
            entry.reason = Some(reasons.into_iter().flatten().collect::<Vec<_>>().join("; "));
        }
    }
    export.entries = plan.entries;
    let mut prefixes = insecure.states();
    export.entries.extend(policy.view.blocked.iter().map(|entry| block(entry, policy, &mut prefixes)));
    leave_out_hiding(&mut prefixes, &mut export.entries);
    export.entries.extend(authority_entries(policy, &REGISTRIES));
    add_registries_conf(request, prefixes, &mut export)?;
    for registry in named_registries(policy).iter().filter(|registry| !registry.authorities().is_empty()) {
        let path = format!("{}/{}/ca.crt", CERTS_FOLDERS[0], registry.registry);
        export.files.push(ConfigFile::text(path, policy.plain_pem(registry.authorities())));
    }
    if let Some(gate) = request.gate {
        add_gate(request, gate, &mut export)?;
    }
    if policy.view.allowed().any(|entry| matches!(entry.hosts, EntryHosts::Name(_) | EntryHosts::Wildcard(_))) {
        export
            .notes
            .push("names are compared as they are written: in lower case, and in A-labels beyond ASCII".to_owned());
    }
    Ok(export)
}

fn add_policy_json(request: &ExportRequest<'_>, plan: &ScopePlan, export: &mut Export) -> Result<(), ExportError> {
    let there = request.files.read(POLICY_JSON)?;
    let syntax = |error| ExportError::Syntax { path: POLICY_JSON.to_owned(), error };
    let before = there.as_deref().map(SignaturePolicy::parse).transpose().map_err(syntax)?;
    if !request.policy.view.is_whitelist_mode() {
        let note = match &before {
            Some(_) => "whitelist mode is off: policy.json is left as it is",
            None => "whitelist mode is off: there is nothing to write into policy.json",
        };
        export.notes.push(note.to_owned());
        return Ok(());
    }
    let mut transports = before.as_ref().and_then(|before| before.document.get("transports")).cloned();
    let transports = transports.get_or_insert_with(|| ConfigValue::map(Vec::<(String, ConfigValue)>::new()));
    let mut scopes = ConfigValue::map(Vec::<(String, ConfigValue)>::new());
    let mut dropped = Vec::new();
    for member in before.iter().flat_map(SignaturePolicy::docker_scopes) {
        match effect(&member.value) {
            Requirement::Accept if !plan.accepts(&member.name) => dropped.push(format!("`{}`", member.name)),
            Requirement::Signed if !plan.accepts(&member.name) => dropped.push(format!("`{}`", member.name)),
            _ if member.name.is_empty() => {}
            _ => scopes.set(&member.name, member.value.clone()),
        }
    }
    for scope in &plan.accepted {
        // Requirements of signatures that count for the scope now count on.
        let signed = before.as_ref().map(|before| before.requirements_of(scope));
        let signed = signed.filter(|requirements| effect(requirements) == Requirement::Signed);
        scopes.set(scope, signed.cloned().unwrap_or_else(accept));
    }
    plan.rejected.iter().for_each(|scope| scopes.set(scope, reject()));
    transports.set("docker", scopes);
    for transport in LOCAL_TRANSPORTS {
        let is_open = before.as_ref().is_none_or(|before| effect(before.default_of(transport)) == Requirement::Accept);
        if is_open && transports.get(transport).is_none() {
            transports.set(transport, ConfigValue::map([("", accept())]));
        }
    }
    let members = [("default", Some(to_input(&reject()))), ("transports", Some(to_input(transports)))];
    let text = set_members(there.as_deref(), members).map_err(syntax)?;
    export.files.push(ConfigFile::text(POLICY_JSON, text).merged(there.is_some()));
    if !dropped.is_empty() {
        export
            .notes
            .push(format!("policy.json accepted what the policy denies, and does no longer: {}", dropped.join(", ")));
    }
    export.notes.push(
        "a policy.json of a user (`~/.config/containers/policy.json`) counts in place of this one: podman of that \
        user then \
         asks nobody"
            .to_owned(),
    );
    Ok(())
}

/// The members of a prefix in registries.conf.
#[derive(Clone, Copy)]
struct PrefixState {
    insecure: bool,
    blocked: bool,
}

/// Adds the prefixes of a blocked entry. A longer prefix decides before a shorter one, so that those inside are
/// blocked, too.
fn block(
    entry: &PolicyEntry,
    policy: &PolicyContext<'_>,
    prefixes: &mut BTreeMap<String, PrefixState>,
) -> ExportedEntry {
    let exported = |fidelity, reason| ExportedEntry::new(ExportedList::Blocked, &entry.text, fidelity, reason);
    let Some(refused) = refused_prefixes(entry) else {
        let reason = format!("registries.conf has no place for {}", kind_noun(entry));
        return match policy.view.is_whitelist_mode() {
            true => exported(
                Fidelity::Narrower,
                Some(format!("{reason}: what may be in it is not accepted by policy.json")),
            ),
            false => exported(Fidelity::Wider, Some(reason)),
        };
    };
    for (prefix, state) in prefixes.iter_mut() {
        let inside = prefix.trim_start_matches("*.");
        state.blocked |= refused.prefixes.iter().any(|refused| prefix == refused || matches_prefix(inside, refused));
    }
    for prefix in refused.prefixes {
        prefixes.entry(prefix).or_insert(PrefixState { insecure: false, blocked: true });
    }
    match refused.is_exact {
        true => exported(Fidelity::Equal, None),
        false => {
            let reason = "registries.conf blocks a registry with all of its ports and repositories".to_owned();
            exported(Fidelity::Narrower, Some(reason))
        }
    }
}

/// Leaves out insecure wildcards that would be found before a blocked name: of prefixes of the same length, the
/// wildcard is.
fn leave_out_hiding(prefixes: &mut BTreeMap<String, PrefixState>, entries: &mut [ExportedEntry]) {
    let blocked: Vec<_> =
        prefixes.iter().filter(|(_, state)| state.blocked).map(|(prefix, _)| prefix.clone()).collect();
    let hides = |prefix: &String| {
        blocked
            .iter()
            .find(|name| matches_prefix(name, prefix) && prefix.len() >= name.len() && *name != prefix)
            .cloned()
    };
    let hiding: Vec<_> = prefixes
        .iter()
        .filter(|(prefix, state)| prefix.starts_with("*.") && !state.blocked)
        .filter_map(|(prefix, _)| Some((prefix.clone(), hides(prefix)?)))
        .collect();
    for (prefix, name) in hiding {
        let is_verified = prefixes.remove(&prefix).is_some_and(|state| !state.insecure);
        // Without the exception the wildcards around it would not verify.
        let around = |other: &String| other.starts_with("*.") && matches_prefix(prefix.trim_start_matches("*."), other);
        let left_out: Vec<_> = match is_verified {
            true => prefixes
                .iter()
                .filter(|(other, state)| state.insecure && around(other))
                .map(|(other, _)| other.clone())
                .collect(),
            false => vec![prefix.clone()],
        };
        prefixes.retain(|other, _| !left_out.contains(other));
        let is_left_out =
            |entry: &&mut ExportedEntry| entry.list == ExportedList::Insecure && left_out.contains(&entry.entry);
        for entry in entries.iter_mut().filter(is_left_out) {
            entry.fidelity = Fidelity::Narrower;
            entry.reason = Some(format!(
                "registries.conf would find `{prefix}` before `{name}`, which is blocked: it is verified"
            ));
        }
    }
}

/// The prefixes of registries.conf for the insecure list, each with whether it is insecure.
struct InsecurePrefixes {
    prefixes: BTreeMap<String, bool>,
    /// For each insecure entry, the reason that it is not said whole.
    reasons: Vec<Option<String>>,
}

impl InsecurePrefixes {
    fn new(policy: &PolicyContext<'_>) -> Self {
        let mut plan = Self { prefixes: BTreeMap::new(), reasons: Vec::new() };
        for entry in &policy.view.insecure {
            let reason = plan.add(policy, entry);
            plan.reasons.push(reason);
        }
        // Built-in registries are verified, whatever covers them (rule T5).
        for registry in named_registries(policy).into_iter().filter(|registry| !registry.is_insecure()) {
            if plan.is_insecure(&registry.registry) {
                plan.prefixes.insert(registry.registry, false);
            }
        }
        plan
    }

    fn states(&self) -> BTreeMap<String, PrefixState> {
        let states = self.prefixes.iter();
        states.map(|(prefix, insecure)| (prefix.clone(), PrefixState { insecure: *insecure, blocked: false })).collect()
    }

    /// Returns whether the longest prefix of a registry makes it insecure.
    fn is_insecure(&self, registry: &str) -> bool {
        let matching = self.prefixes.iter().filter(|(prefix, _)| matches_prefix(registry, prefix));
        matching.max_by_key(|(prefix, _)| prefix.len()).is_some_and(|(_, is_insecure)| *is_insecure)
    }

    fn add(&mut self, policy: &PolicyContext<'_>, entry: &PolicyEntry) -> Option<String> {
        let host = entry.exact_host();
        match (&entry.hosts, host, entry.port) {
            (EntryHosts::DockerHub, ..) => {
                Some("registries.conf has Docker Hub's names for every port only: it is verified".to_owned())
            }
            (_, Some(_), _) if !registries_of(policy, entry).iter().all(|registry| is_insecure(policy, registry)) => {
                Some("the policy does not have all of it as insecure, or DNS decides: it is verified".to_owned())
            }
            (_, Some(host), None) if policy.view.built_in.iter().any(|built_in| may_cover(built_in, &host)) => {
                Some("a built-in entry is for a port of it, and the policy verifies those: it is verified".to_owned())
            }
            (_, Some(host), None) => {
                self.prefixes.insert(host, true);
                None
            }
            (_, Some(host), Some(port)) => {
                self.prefixes.insert(format!("{host}:{port}"), true);
                let note = format!(
                    "registries.conf verifies `{host}` where the reference has no port: `{host}` there would be \
                    insecure on \
                     every port"
                );
                matches!(port, 80 | 443).then_some(note)
            }
            (EntryHosts::Wildcard(domain), _, None) => self.add_wildcard(policy, domain),
            (EntryHosts::Wildcard(_), ..) => {
                Some("registries.conf has wildcards for every port only: list the registries one by one".to_owned())
            }
            _ => Some(format!(
                "registries.conf has no place for {}, and verifies there: list the registries of it one by one",
                kind_noun(entry)
            )),
        }
    }

    /// Adds a wildcard, with the names below it that the policy verifies as exceptions (rule T4).
    fn add_wildcard(&mut self, policy: &PolicyContext<'_>, domain: &str) -> Option<String> {
        let prefix = format!("*.{domain}");
        let mut verified = Vec::new();
        for built_in in &policy.view.built_in {
            if let EntryHosts::Wildcard(own) = &built_in.hosts
                && (own == domain || is_below(own, domain) || is_below(domain, own))
            {
                return Some(format!("the policy verifies `{}`, which is built in", built_in.text));
            }
        }
        for other in policy.view.whitelist.iter().flatten().chain(&policy.view.built_in) {
            match &other.hosts {
                EntryHosts::Name(name) if is_below(name, domain) && !self.is_insecure_name(policy, name) => {
                    verified.push(name.clone());
                }
                EntryHosts::Wildcard(inner) if is_below(inner, domain) => verified.push(format!("*.{inner}")),
                EntryHosts::Pattern(pattern) => {
                    return Some(format!(
                        "registries.conf has no patterns, and would not verify `{pattern}` below it: list the \
                        registries one \
                         by one"
                    ));
                }
                _ => {}
            }
        }
        if !docker_hub::spellings().all(|name| is_insecure(policy, &name)) {
            verified.extend(docker_hub::NAMES.into_iter().filter(|name| is_below(name, domain)).map(str::to_owned));
        }
        // Of prefixes of the same length the wildcard is found first.
        if let Some(name) = verified.iter().find(|name| name.len() <= prefix.len()) {
            return Some(format!(
                "registries.conf would not verify `{name}`, which the policy verifies: list the registries below \
                `{prefix}` \
                 one by one"
            ));
        }
        self.prefixes.insert(prefix, true);
        let shown: Vec<_> = verified.iter().map(|name| format!("`{name}`")).collect();
        for name in verified {
            self.prefixes.entry(name).or_insert(false);
        }
        let note = || format!("registries.conf verifies {} on every port", shown.join(", "));
        match shown.is_empty() {
            true if covers_docker_hub(domain) => Some("registries.conf verifies Docker Hub as `docker.io`".to_owned()),
            true => None,
            false => Some(note()),
        }
    }

    /// Returns whether an insecure entry is as specific as a name, on every port.
    fn is_insecure_name(&self, policy: &PolicyContext<'_>, name: &str) -> bool {
        policy
            .view
            .insecure
            .iter()
            .any(|entry| entry.port.is_none() && matches!(&entry.hosts, EntryHosts::Name(own) if own == name))
    }
}

/// Returns whether an entry for several hosts may cover a host.
fn may_cover(entry: &PolicyEntry, host: &str) -> bool {
    match &entry.hosts {
        EntryHosts::Wildcard(domain) => is_below(host, domain),
        EntryHosts::Network(network) => address_of(host).is_some_and(|address| network.contains(&address)),
        EntryHosts::Pattern(_) => true,
        _ => false,
    }
}

fn is_insecure(policy: &PolicyContext<'_>, registry: &str) -> bool {
    matches!(policy.registry_access(registry), RegistryAccess::Insecure { .. })
}

/// Reads the settings of registries, without pullgate's own.
fn read_registries(files: &HostFiles) -> Result<RegistriesConf, ExportError> {
    let mut conf = RegistriesConf::default();
    let additions = files.names_in(REGISTRIES_FOLDER).unwrap_or_default().into_iter();
    let additions = additions.filter(|name| name.ends_with(".conf")).map(|name| format!("{REGISTRIES_FOLDER}/{name}"));
    for file in std::iter::once(REGISTRIES_CONF.to_owned()).chain(additions).filter(|file| file != OWN_REGISTRIES) {
        if let Some(text) = files.read(&file)? {
            conf.merge(&file, &text).map_err(|error| ExportError::Syntax { path: file.clone(), error })?;
        }
    }
    Ok(conf)
}

/// Adds the file of registries. It repeats the other members of a registry that is there already, since the file as a
/// whole replaces it.
fn add_registries_conf(
    request: &ExportRequest<'_>,
    mut prefixes: BTreeMap<String, PrefixState>,
    export: &mut Export,
) -> Result<(), ExportError> {
    let conf = read_registries(request.files)?;
    let mut narrowed = Vec::new();
    for table in conf.registries.values().filter(|table| !prefixes.contains_key(&table.prefix)).collect::<Vec<_>>() {
        let inside = table.prefix.trim_start_matches("*.");
        let is_in = |state: fn(&PrefixState) -> bool| {
            prefixes.iter().any(|(prefix, members)| state(members) && matches_prefix(inside, prefix))
        };
        let is_blocked = is_in(|state| state.blocked);
        let is_narrowed = table.insecure.is_some() && !is_in(|state| state.insecure);
        if is_narrowed {
            narrowed.push(format!("`{}`", table.prefix));
        }
        if is_narrowed || is_blocked {
            prefixes.insert(table.prefix.clone(), PrefixState { insecure: false, blocked: is_blocked });
        }
    }
    let mut document = DocumentMut::new();
    let mut tables = toml_edit::ArrayOfTables::new();
    for (prefix, state) in &prefixes {
        let mut table = toml_edit::Table::new();
        table.insert("prefix", value(prefix));
        match conf.registries.get(prefix) {
            Some(there) => {
                for member in there.value.members().iter().filter(|member| member.name != "prefix") {
                    table.insert(&member.name, to_item(&member.value));
                }
            }
            // A wildcard has no location.
            None if !prefix.starts_with("*.") => drop(table.insert("location", value(prefix))),
            None => {}
        }
        table.insert("insecure", value(state.insecure));
        if state.blocked {
            table.insert("blocked", value(true));
        }
        tables.push(table);
    }
    if !tables.is_empty() {
        document.insert("registry", Item::ArrayOfTables(tables));
    }
    let is_there = request.files.is_file(OWN_REGISTRIES);
    if !prefixes.is_empty() || is_there {
        let heading = "# Written by `pullgate export --to containers`, and replaced as a whole.\n";
        export.files.push(ConfigFile::text(OWN_REGISTRIES, format!("{heading}{document}")));
    }
    if !narrowed.is_empty() {
        export.notes.push(format!(
            "registries that the policy verifies were insecure, and are no longer: {}",
            narrowed.join(", ")
        ));
    }
    Ok(())
}

/// Converts a value to one of TOML.
fn to_item(from: &ConfigValue) -> Item {
    match &from.kind {
        ConfigKind::List(elements)
            if !elements.is_empty() && elements.iter().all(|each| matches!(each.kind, ConfigKind::Map(_))) =>
        {
            let mut tables = toml_edit::ArrayOfTables::new();
            for element in elements {
                let mut table = toml_edit::Table::new();
                for member in element.members() {
                    table.insert(&member.name, to_item(&member.value));
                }
                tables.push(table);
            }
            Item::ArrayOfTables(tables)
        }
        ConfigKind::List(elements) => {
            let mut array = toml_edit::Array::new();
            elements
                .iter()
                .filter_map(|each| to_item(each).into_value().ok())
                .for_each(|each| array.push_formatted(each));
            value(array)
        }
        ConfigKind::Map(members) => {
            let mut table = toml_edit::InlineTable::new();
            for member in members {
                if let Ok(value) = to_item(&member.value).into_value() {
                    table.insert(&member.name, value);
                }
            }
            value(table)
        }
        ConfigKind::String(text) => value(text),
        ConfigKind::Bool(boolean) => value(*boolean),
        ConfigKind::Number(text) => text.parse::<i64>().map_or_else(|_| value(text), value),
        ConfigKind::Null => Item::None,
    }
}
