//! The example documents of docs/examples: they load without a warning that is not meant, and decide as the
//! documentation says.

use std::fs;
use std::path::Path;

use pullgate::{ChangeKind, Code, ComparisonVerdict, Decision, DenialReason, Policy, Request, Severity, compare};

fn example(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples").join(name)).unwrap()
}

fn load(text: &str) -> (Policy, Vec<Code>) {
    let loaded = Policy::load(text, 0).unwrap();
    let warnings = loaded.findings.iter().filter(|finding| finding.severity == Severity::Warning);
    let warnings = warnings.map(|finding| finding.code).collect();
    (loaded.policy, warnings)
}

fn reason(policy: &Policy, reference: &str) -> Option<DenialReason> {
    match policy.decide(&Request { reference, ..Request::default() }) {
        Decision::Allow(_) => None,
        Decision::Deny(denied) => Some(denied.reason),
        lookup @ Decision::Lookup(_) => panic!("{reference}: {lookup:?}"),
    }
}

#[test]
fn three_clouds_are_four_entries() {
    let text = example("three-clouds.json");
    let (policy, warnings) = load(&text);
    assert_eq!(warnings, []);
    for allowed in [
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1",
        "123456789012.dkr.ecr.ap-southeast-2.amazonaws.com/team/app",
        "europe-docker.pkg.dev/nordwind-prod/app/web:2",
        "us-central1-docker.pkg.dev/nordwind-prod/app/web",
        "nordwind.azurecr.io/app",
        "nordwindtest.azurecr.io/app",
    ] {
        assert_eq!(reason(&policy, allowed), None, "{allowed}");
    }
    for denied in [
        "210987654321.dkr.ecr.eu-west-1.amazonaws.com/app",
        "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com/app",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com.example/app",
        "europe-docker.pkg.dev/suedwind/app/web",
        "europe-docker.pkg.dev/nordwind-prod2/app/web",
        "suedwind.azurecr.io/app",
        "alpine",
    ] {
        assert_eq!(reason(&policy, denied), Some(DenialReason::NotWhitelisted), "{denied}");
    }
    let before = r#"{"whitelist": ["123456789012.dkr.ecr.eu-west-1.amazonaws.com", "europe-docker.pkg.dev/nordwind-prod",
        "nordwind.azurecr.io", "nordwindtest.azurecr.io"]}"#;
    let comparison = compare(before, &text, 0).unwrap();
    let regions: Vec<&str> = comparison.regions.iter().map(|region| region.text.as_str()).collect();
    assert_eq!(
        regions,
        [
            "`*-docker.pkg.dev` but `europe-docker.pkg.dev` on any port, repositories in `nordwind-prod` and logins",
            "`123456789012.dkr.ecr.*.amazonaws.com` but `123456789012.dkr.ecr.eu-west-1.amazonaws.com` on any port",
        ]
    );
    assert!(comparison.exhaustive && comparison.verdict == ComparisonVerdict::Wider);
    for region in &comparison.regions {
        assert_eq!(reason(&policy, &region.witness.reference), None, "{}", region.witness.reference);
    }
}

#[test]
fn all_but_one_organization() {
    let text = example("all-but-one-organization.json");
    let (policy, warnings) = load(&text);
    assert_eq!(warnings, [Code::BlockedWithoutWhitelist]);
    assert_eq!(reason(&policy, "suedwind/app"), Some(DenialReason::Blocked));
    assert_eq!(reason(&policy, "registry-1.docker.io/suedwind/app"), Some(DenialReason::Blocked));
    for allowed in ["alpine", "nordwind/app", "quay.io/suedwind/app", "docker.io/suedwind2/app"] {
        assert_eq!(reason(&policy, allowed), None, "{allowed}");
    }
    let comparison = compare(r#"{"insecure": []}"#, &text, 0).unwrap();
    let regions: Vec<(ChangeKind, &str)> =
        comparison.regions.iter().map(|region| (region.change, region.text.as_str())).collect();
    assert_eq!(regions, [(ChangeKind::NewlyDenied, "Docker Hub, repositories in `suedwind`")]);
}

/// Rule A3: beyond 10,000 classes the comparison says that it is not exhaustive, and is on the safe side.
#[test]
fn too_many_overlaps_are_said() {
    let policy = |patterns: usize| {
        let letters = "abcdefghijklmnopqrstuvwxyz";
        let entries: Vec<String> =
            letters.chars().take(patterns).map(|letter| format!("\"*{letter}*.nordwind.example\"")).collect();
        format!(r#"{{"whitelist":[{}]}}"#, entries.join(","))
    };
    let few = compare(r#"{"whitelist":[]}"#, &policy(8), 0).unwrap();
    assert!(few.exhaustive);
    assert_eq!(few.regions.len(), 255);
    let many = compare(&policy(20), r#"{"whitelist":[]}"#, 0).unwrap();
    assert!(!many.exhaustive);
    assert_eq!(many.verdict, ComparisonVerdict::Wider);
}
