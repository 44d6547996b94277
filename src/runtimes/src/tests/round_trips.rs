//! Exports of random policies, held against the policy and read back.

use proptest::prelude::*;
use pullgate::{ChangeKind, ComparisonVerdict, Region, compare};
use serde_json::{Map, Value};

use crate::decisions::{PolicyContext, RegistryAccess};
use crate::export::{Export, ExportError, ExportRequest, ExportedList, Fidelity};
use crate::host_files::{FileContent, HostFiles};
use crate::import::{ImportSeverity, SourceFile};
use crate::target::Target;
use crate::tests::model::{Containerd, ContainersImage, Dockerd, K3s, text_of};
use crate::tests::with_policy;

const HOSTS: [&str; 23] = [
    "x.*.example.com",
    "*-b.example.com",
    "a.example.com",
    "b.example.com",
    "c.d.example.com",
    "x.d.example.com",
    "y.d.example.com",
    "host",
    "localhost",
    "docker.io",
    "registry.hub.docker.com",
    "registry-1.docker.io",
    "10.0.0.1",
    "10.0.0.2",
    "[2001:db8::1]",
    "127.0.0.1",
    "*.example.com",
    "*.d.example.com",
    "*.docker.com",
    "*.docker.io",
    "*.com",
    "10.0.0.0/30",
    "2001:db8::/32",
];

/// Returns the references that exports are held against.
pub fn references() -> impl Iterator<Item = String> {
    let hosts = HOSTS.iter().filter(|host| !host.contains(['*', '/']));
    hosts.flat_map(|host| {
        ["", ":443", ":80", ":5000", ":7000"].into_iter().flat_map(move |port| {
            // Without a port `host/x` is Docker Hub's.
            let host = if *host == "host" && port.is_empty() { "index.docker.io" } else { *host };
            ["library/x", "team/x"].map(|repository| format!("{host}{port}/{repository}"))
        })
    })
}

fn entry(has_namespaces: bool) -> impl Strategy<Value = String> {
    let ports = prop::sample::select(vec!["", "", ":443", ":80", ":5000"]);
    let namespaces = if has_namespaces { vec!["", "", "/team", "/team/x", "/library"] } else { vec![""] };
    (prop::sample::select(HOSTS.to_vec()), ports, prop::sample::select(namespaces)).prop_map(
        |(host, port, namespace)| {
            if host.contains('/') { host.to_owned() } else { format!("{host}{port}{namespace}") }
        },
    )
}

/// Returns policies that load.
pub fn policies() -> impl Strategy<Value = String> {
    let entries = |has_namespaces| prop::collection::vec(entry(has_namespaces), 0..5);
    let few = |has_namespaces| prop::collection::vec(entry(has_namespaces), 0..2);
    let policy = (prop::option::of(entries(true)), entries(false), few(false), few(true));
    let policy = policy.prop_map(|(whitelist, insecure, built_in, blocked)| {
        let mut policy = Map::new();
        if let Some(whitelist) = whitelist {
            policy.insert("whitelist".to_owned(), whitelist.into());
        }
        policy.insert("insecure".to_owned(), insecure.into());
        policy.insert("built_in".to_owned(), built_in.into());
        if !blocked.is_empty() {
            policy.insert("blocked".to_owned(), blocked.into());
        }
        Value::Object(policy).to_string()
    });
    policy.prop_filter("the policy has to load", |policy| pullgate::check_policy(policy, 0).canonical.is_some())
}

fn export(policy: PolicyContext<'_>, target: Target) -> Export {
    target.export(&ExportRequest { policy, files: &HostFiles::none(), allows_wider: false, gate: None }).unwrap()
}

fn sources(export: &Export) -> Vec<SourceFile> {
    let texts = export.files.iter().filter_map(|file| match &file.content {
        FileContent::Text(text) => Some(SourceFile { path: file.path.clone(), text: text.clone() }),
        FileContent::Link(_) => None,
    });
    texts.collect()
}

fn is_equal(export: &Export, list: ExportedList) -> bool {
    export.entries.iter().filter(|entry| entry.list == list).all(|entry| entry.fidelity == Fidelity::Equal)
}

/// Requires that a target never goes unverified where the policy verifies, and that equal entries are.
fn check_transport(
    policy: &PolicyContext<'_>,
    export: &Export,
    is_unverified: impl Fn(&str) -> bool,
    is_refused: impl Fn(&str) -> bool,
) -> Result<(), TestCaseError> {
    for reference in references() {
        match policy.image_access(&reference) {
            RegistryAccess::Verified { .. } => {
                prop_assert!(!is_unverified(&reference), "{} is less verified: {:#?}", reference, export);
            }
            RegistryAccess::Insecure { .. } if is_equal(export, ExportedList::Insecure) => {
                prop_assert!(
                    is_unverified(&reference) || is_refused(&reference),
                    "{} is verified: {:#?}",
                    reference,
                    export
                );
            }
            _ => {}
        }
    }
    Ok(())
}

/// Requires that what is read back is not wider than the policy, and the same if `is_equal`.
fn check_round_trip(policy: &str, export: &Export, target: Target, is_equal: bool) -> Result<(), TestCaseError> {
    // No target has the word.
    if policy.contains("\"built_in\":[\"") {
        return Ok(());
    }
    let import = target.import(&sources(export));
    let errors = import.findings.iter().filter(|finding| finding.severity == ImportSeverity::Error);
    let errors: Vec<_> = errors
        .filter(|finding| !["port-80", "verified-exception", "insecure-rejected"].contains(&finding.code))
        .collect();
    prop_assert!(errors.is_empty(), "{:#?}", errors);
    let is_equal = is_equal && !import.has_errors();
    let imported = import.to_policy().to_string();
    let comparison =
        compare(policy, &imported, 0).map_err(|error| TestCaseError::fail(format!("{error:?}\n{imported}")))?;
    let verdict = comparison.verdict;
    // A wildcard of a program is for names only, and one of a policy for addresses that have such names, too.
    let is_wider = |region: &&Region| {
        // The programs do not tell HTTPS without verification from plain HTTP.
        let is_wider = matches!(region.change, ChangeKind::NewlyAllowed | ChangeKind::NowUnverified);
        is_wider && region.witness.dns_answers.is_empty()
    };
    prop_assert!(
        !comparison.regions.iter().any(|region| is_wider(&region)),
        "{} became\n{}\n{:#?}",
        policy,
        imported,
        comparison
    );
    prop_assert!(!is_equal || verdict == ComparisonVerdict::Same, "{} became\n{}\n{:#?}", policy, imported, comparison);
    Ok(())
}

/// Requires the same of the transports of a target that has no whitelist.
fn check_transports(
    policy: &PolicyContext<'_>,
    json: &str,
    export: &Export,
    target: Target,
) -> Result<(), TestCaseError> {
    // A registry with a blocked port is told without that port.
    if !policy.view.blocked.is_empty() {
        return Ok(());
    }
    check_round_trip(&transports_of(json), export, target, false)
}

/// Returns the policy without what a runtime that has no whitelist can say.
fn transports_of(policy: &str) -> String {
    let mut policy: Value = serde_json::from_str(policy).unwrap();
    policy.as_object_mut().unwrap().retain(|name, _| name != "whitelist" && name != "blocked");
    policy.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn docker_is_never_less_verified(json in policies()) {
        with_policy(&json, |policy| {
            let export = export(policy, Target::Docker);
            let dockerd = Dockerd::load(text_of(&export.files, "/etc/docker/daemon.json").unwrap());
            check_transport(&policy, &export, |reference| dockerd.is_unverified(reference), |_| false)?;
            check_transports(&policy, &json, &export, Target::Docker)
        })?;
    }

    #[test]
    fn containerd_makes_the_attempts_of_the_policy(json in policies()) {
        with_policy(&json, |policy| {
            let export = export(policy, Target::Containerd);
            let containerd = Containerd::load(&export.files);
            let is_unverified = |reference: &str| containerd.attempts(reference).iter().any(|(_, verified)| !verified);
            check_transport(&policy, &export, is_unverified, |_| false)?;
            for reference in references() {
                if let RegistryAccess::Insecure { urls } = policy.image_access(&reference) {
                    let attempts: Vec<_> = containerd.attempts(&reference).into_iter().map(|(url, _)| url).collect();
                    prop_assert!(!is_unverified(&reference) || attempts == urls, "{}: {:?}, \
                    {:?}", reference, attempts, urls);
                }
            }
            check_transports(&policy, &json, &export, Target::Containerd)
        })?;
    }

    #[test]
    fn k3s_is_never_less_verified(json in policies()) {
        with_policy(&json, |policy| {
            let export = export(policy, Target::K3s);
            let k3s = K3s::load(text_of(&export.files, "/etc/rancher/k3s/registries.yaml").unwrap());
            check_transport(&policy, &export, |reference| k3s.is_unverified(reference), |_| false)?;
            check_transports(&policy, &json, &export, Target::K3s)
        })?;
    }

    #[test]
    fn containers_image_accepts_what_the_policy_allows(json in policies()) {
        with_policy(&json, |policy| check_images(&policy, &json, Target::Containers, |export| {
            ContainersImage::load(
                text_of(&export.files, "/etc/containers/policy.json"),
                text_of(&export.files, "/etc/containers/registries.conf.d/zz-pullgate.conf"),
            )
        }))?;
    }

    #[test]
    fn openshift_accepts_what_the_policy_allows(json in policies()) {
        with_policy(&json, |policy| check_images(&policy, &json, Target::Openshift, |export| {
            ContainersImage::from_openshift(text_of(&export.files, "/openshift-image.yaml").unwrap())
        }))?;
    }

    #[test]
    fn what_other_targets_say_is_not_wider(json in policies()) {
        with_policy(&json, |policy| {
            for target in [Target::Kubernetes, Target::VicMachine, Target::Vch] {
                let Some(export) = export_unless_wider(policy, target)? else { continue };
                check_round_trip(&json, &export, target, target == Target::Kubernetes)?;
            }
            Ok::<_, TestCaseError>(())
        })?;
    }
}

/// Exports a policy; `None` if the target would be wider.
fn export_unless_wider(policy: PolicyContext<'_>, target: Target) -> Result<Option<Export>, TestCaseError> {
    let files = HostFiles::none();
    match target.export(&ExportRequest { policy, files: &files, allows_wider: false, gate: None }) {
        Ok(export) => {
            prop_assert!(export.entries.iter().all(|entry| entry.fidelity != Fidelity::Wider), "{:#?}", export);
            Ok(Some(export))
        }
        Err(ExportError::Wider(_)) => Ok(None),
        Err(error) => Err(TestCaseError::fail(error.to_string())),
    }
}

/// Holds a target with scopes and prefixes against the policy.
fn check_images(
    policy: &PolicyContext<'_>,
    json: &str,
    target: Target,
    load: impl Fn(&Export) -> ContainersImage,
) -> Result<(), TestCaseError> {
    let Some(export) = export_unless_wider(*policy, target)? else {
        prop_assert!(policy.view.restricts_access());
        return Ok(());
    };
    let image = load(&export);
    let lists = [ExportedList::Whitelist, ExportedList::Insecure, ExportedList::Blocked];
    let is_exact = lists.into_iter().all(|list| is_equal(&export, list));
    for reference in references() {
        let access = policy.image_access(&reference);
        let is_allowed = match access {
            RegistryAccess::Denied => false,
            // DNS decides about the transport only, where it decides whether a registry is a built-in one.
            RegistryAccess::DependsOnDns => !policy.view.is_whitelist_mode() || !policy.view.built_in.is_empty(),
            _ => true,
        };
        let accepts = image.accepts(&reference);
        prop_assert!(is_allowed || !accepts, "{} is accepted: {:#?}", reference, export);
        prop_assert!(!is_allowed || accepts || !is_exact, "{} is rejected: {:#?}", reference, export);
    }
    check_transport(policy, &export, |reference| image.is_insecure(reference), |reference| !image.accepts(reference))?;
    check_round_trip(json, &export, target, is_exact && policy.view.built_in.is_empty())
}

#[test]
fn the_first_worked_example_of_vic_is_said_whole_where_it_can_be() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples/worked-example-1.json");
    let policy = std::fs::read_to_string(path).unwrap();
    with_policy(&policy, |policy| {
        let fidelities = |target: Target| {
            let entries = export(policy, target).entries;
            entries.iter().map(|entry| (entry.entry.clone(), entry.fidelity)).collect::<Vec<_>>()
        };
        let expected = |expected: &[(&str, Fidelity)]| {
            expected.iter().map(|(entry, fidelity)| ((*entry).to_owned(), *fidelity)).collect::<Vec<_>>()
        };
        for target in [Target::Docker, Target::Containerd] {
            assert_eq!(
                fidelities(target),
                expected(&[
                    ("10.2.40.40:443", Fidelity::ByPullgate),
                    ("10.2.2.0/24", Fidelity::Narrower),
                    ("*.example.com", Fidelity::Narrower),
                    ("192.168.100.207", Fidelity::Narrower),
                    ("0", Fidelity::Equal),
                ])
            );
        }
        let words = |target: Target| {
            let entries = fidelities(target);
            entries.iter().map(|(_, fidelity)| fidelity.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(words(Target::K3s), words(Target::Docker));
        assert_eq!(words(Target::Containers), ["equal", "narrower", "narrower", "narrower", "equal"]);
        assert_eq!(words(Target::Openshift), ["equal", "narrower", "narrower", "narrower", "equal"]);
        assert_eq!(words(Target::Kubernetes), ["equal", "equal", "narrower", "equal", "narrower"]);
        for target in [Target::VicMachine, Target::Vch] {
            assert_eq!(words(target), ["narrower", "equal", "narrower", "equal", "equal"]);
        }
        let options = export(policy, Target::VicMachine);
        assert_eq!(
            text_of(&options.files, "/vic-machine-options.txt"),
            Some(
                "--whitelist-registry 10.2.40.40:443 \\\n--insecure-registry 10.2.2.0/24 \\\n--insecure-registry \
                 '*.example.com' \\\n--insecure-registry 192.168.100.207 \\\n--registry-ca registry-ca-1.pem\n"
            )
        );
    });
}
