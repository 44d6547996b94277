//! A policy as an admission policy of Kubernetes.

use ipnet::IpNet;

use crate::blocked::unrefusable;
use crate::config_value::ConfigValue;
use crate::export::{Export, ExportError, ExportRequest, ExportedEntry, ExportedList, Fidelity};
use crate::host_files::ConfigFile;
use crate::kubernetes::{NAMESPACE_LABEL, POLICY_ANNOTATION, POLICY_NAME, POLICY_YAML, cel};
use crate::policy_view::{EntryHosts, PolicyEntry, PolicyView};
use crate::yaml::write_yaml;

/// Namespaces that are left out, as by the webhook.
pub(super) const EXEMPT_NAMESPACES: [&str; 2] = ["pullgate-system", "kube-system"];

/// The number of entries above which evaluation may exceed the API server's limits of cost, for many images.
const MANY_ENTRIES: usize = 1_000;

/// Maximum size of the annotations of an object in bytes.
const MAX_ANNOTATION_BYTES: usize = 256 << 10;

/// The resources that have images, by their groups.
pub(super) const MATCHED_RESOURCES: [(&str, &[&str]); 3] = [
    ("", &["pods", "pods/ephemeralcontainers", "replicationcontrollers", "podtemplates"]),
    ("apps", &["deployments", "replicasets", "statefulsets", "daemonsets"]),
    ("batch", &["jobs", "cronjobs"]),
];

/// The expression that has to hold.
pub(super) const VALIDATION: &str = "variables.denied.size() == 0";

/// Exports a policy.
pub fn export(request: &ExportRequest<'_>) -> Result<Export, ExportError> {
    let view = request.policy.view;
    if let Some(reason) = unrefusable(view, false).filter(|_| !request.allows_wider) {
        return Err(ExportError::Wider(reason));
    }
    let text = format!("{}---\n{}", write_yaml(&policy_object(view)), write_yaml(&binding(request.policy.project)));
    let length = text.len();
    let mut export = Export { files: vec![ConfigFile::text(POLICY_YAML, text)], ..Export::default() };
    let lists = [
        (ExportedList::Whitelist, view.whitelist.as_deref().unwrap_or_default()),
        (ExportedList::Insecure, &view.insecure),
        (ExportedList::Blocked, &view.blocked),
    ];
    for (list, entries) in lists {
        export.entries.extend(entries.iter().map(|entry| {
            let reason =
                if view.is_whitelist_mode() || list == ExportedList::Blocked { limit(view, entry, list) } else { None };
            let fidelity = if reason.is_some() { Fidelity::Narrower } else { Fidelity::Equal };
            ExportedEntry::new(list, &entry.text, fidelity, reason)
        }));
    }
    for index in 0..view.authorities.len() {
        let reason = "an admission policy decides about names: export to what runs on the nodes as well".to_owned();
        let entry = ExportedEntry::new(
            ExportedList::CertificateAuthorities,
            &index.to_string(),
            Fidelity::Narrower,
            Some(reason),
        );
        export.entries.push(entry);
    }
    if !view.insecure.is_empty() {
        export.notes.push(
            "how the nodes reach a registry is their own setting: export to what runs on them as well".to_owned(),
        );
    }
    if view.allowed().count() + view.blocked.len() > MANY_ENTRIES {
        export.notes.push(format!(
            "with more than {MANY_ENTRIES} entries the API server may refuse to evaluate the policy for objects with \
             many images, and then denies them: use the webhook"
        ));
    }
    let lists = lists_text(view).len();
    if lists + length > MAX_ANNOTATION_BYTES {
        export.notes.push(
            "`kubectl apply` keeps a copy of the object in an annotation, for which this one is too long: give it \
             `--server-side`"
                .to_owned(),
        );
    }
    export.notes.push("Kubernetes 1.30 or later; denials are not in pullgate's record".to_owned());
    Ok(export)
}

/// Returns the reason that an entry is not covered whole.
fn limit(view: &PolicyView, entry: &PolicyEntry, list: ExportedList) -> Option<String> {
    let is_blocked = list == ExportedList::Blocked;
    match &entry.hosts {
        EntryHosts::Network(IpNet::V6(_)) | EntryHosts::Address(std::net::IpAddr::V6(_)) if is_blocked => {
            Some("CEL does not compare spellings of IPv6 addresses: all of them are blocked".to_owned())
        }
        EntryHosts::Network(IpNet::V6(_)) => {
            Some("CEL does not compare spellings of IPv6 addresses: list them one by one".to_owned())
        }
        EntryHosts::Address(std::net::IpAddr::V6(_)) => Some("CEL allows the address as it is written here".to_owned()),
        EntryHosts::Network(_) if view.resolves_names => Some("CEL does not resolve names".to_owned()),
        EntryHosts::Wildcard(_) if !is_blocked => {
            Some("CEL looks up no names of addresses, and takes no names beyond ASCII below a wildcard".to_owned())
        }
        EntryHosts::Pattern(_) if !is_blocked => Some("CEL takes no names beyond ASCII in a pattern".to_owned()),
        _ if is_blocked && entry.port == Some(80) => Some("references without a port are blocked, too".to_owned()),
        _ => None,
    }
}

fn policy_object(view: &PolicyView) -> ConfigValue {
    let string = |text: &str| ConfigValue::string(text);
    let variables = cel::object_variables(view);
    let variables = variables
        .iter()
        .map(|(name, expression)| ConfigValue::map([("name", string(name)), ("expression", string(expression))]));
    let rule = |group: &str, resources: &[&str]| {
        let list = |texts: &[&str]| ConfigValue::list(texts.iter().map(|text| string(text)));
        ConfigValue::map([
            ("apiGroups", list(&[group])),
            ("apiVersions", list(&["v1"])),
            ("operations", list(&["CREATE", "UPDATE"])),
            ("resources", list(resources)),
        ])
    };
    let rules = ConfigValue::list(MATCHED_RESOURCES.map(|(group, resources)| rule(group, resources)));
    let validation = ConfigValue::map([
        ("expression", string(VALIDATION)),
        ("messageExpression", string("'the policy of registries does not allow: ' + variables.denied.join(', ')")),
        ("reason", string("Forbidden")),
    ]);
    let metadata = ConfigValue::map([
        ("name", string(POLICY_NAME)),
        ("annotations", ConfigValue::map([(POLICY_ANNOTATION, string(&lists_text(view)))])),
    ]);
    ConfigValue::map([
        ("apiVersion", string("admissionregistration.k8s.io/v1")),
        ("kind", string("ValidatingAdmissionPolicy")),
        ("metadata", metadata),
        (
            "spec",
            ConfigValue::map([
                ("failurePolicy", string("Fail")),
                (
                    "matchConstraints",
                    ConfigValue::map([("matchPolicy", string("Equivalent")), ("resourceRules", rules)]),
                ),
                ("variables", ConfigValue::list(variables)),
                ("validations", ConfigValue::list([validation])),
            ]),
        ),
    ])
}

/// Returns the lists of the policy as JSON, for the import.
fn lists_text(view: &PolicyView) -> String {
    let texts = |entries: &[PolicyEntry]| entries.iter().map(|entry| entry.text.clone()).collect::<Vec<_>>();
    let mut lists = serde_json::Map::new();
    if let Some(whitelist) = &view.whitelist {
        lists.insert("whitelist".to_owned(), texts(whitelist).into());
    }
    lists.insert("insecure".to_owned(), texts(&view.insecure).into());
    if !view.blocked.is_empty() {
        lists.insert("blocked".to_owned(), texts(&view.blocked).into());
    }
    serde_json::Value::Object(lists).to_string()
}

fn binding(project: Option<&str>) -> ConfigValue {
    let string = |text: &str| ConfigValue::string(text);
    let (operator, values) = match project {
        Some(project) => ("In", vec![project]),
        None => ("NotIn", EXEMPT_NAMESPACES.to_vec()),
    };
    let expression = ConfigValue::map([
        ("key", string(NAMESPACE_LABEL)),
        ("operator", string(operator)),
        ("values", ConfigValue::list(values.into_iter().map(string))),
    ]);
    let selector = ConfigValue::map([("matchExpressions", ConfigValue::list([expression]))]);
    ConfigValue::map([
        ("apiVersion", string("admissionregistration.k8s.io/v1")),
        ("kind", string("ValidatingAdmissionPolicyBinding")),
        ("metadata", ConfigValue::map([("name", string(POLICY_NAME))])),
        (
            "spec",
            ConfigValue::map([
                ("policyName", string(POLICY_NAME)),
                ("validationActions", ConfigValue::list([string("Deny")])),
                ("matchResources", ConfigValue::map([("namespaceSelector", selector)])),
            ]),
        ),
    ])
}
