//! Requests and policies of the benchmarks.

#![forbid(unsafe_code)]

use std::fmt::Write;

use pullgate_host::{EvaluatorOptions, Module, PolicyEvaluator};

/// References that the worked example allows: an address, a network, a wildcard.
pub const ALLOWED: [(&str, &str); 3] = [
    ("allow-address", "10.2.40.40/team/app:1.2"),
    ("allow-network", "10.2.2.17:5000/team/app:1.2"),
    ("allow-wildcard", "registry.example.com/team/app:1"),
];

/// References that it denies: one whose name is a slip of the keyboard away from an entry's, and Docker Hub's.
pub const DENIED: [(&str, &str); 2] =
    [("deny-near", "registry.exampel.com/team/app:1.2"), ("deny-hub", "library/nginx:1.27")];

/// A reference that depends on DNS: an address on another port than its entry's, whose name a wildcard may cover.
pub const LOOKUP: (&str, &str) = ("lookup-address", "10.2.40.40:5000/team/app:1");

/// The first worked example of the documentation, filled up to as many entries as asked for: names, wildcards,
/// networks and addresses in equal parts.
pub fn policy(entries: u32) -> String {
    let mut text =
        String::from(r#"{"insecure":["10.2.2.1/24","*.example.com","192.168.100.207"],"whitelist":["10.2.40.40:443""#);
    for number in 0..entries.saturating_sub(4) {
        let (high, middle, low) = (number >> 16 & 0xff, number >> 8 & 0xff, number & 0xff);
        // Writing to a string cannot fail.
        let _ = match number % 4 {
            0 => write!(text, r#","host-{number}.corp-{low}.internal""#),
            1 => write!(text, r#","*.team-{number}.corp-{low}.internal""#),
            2 => write!(text, r#","172.{}.{middle}.{low}/32""#, 16 + high),
            _ => write!(text, r#","100.{high}.{middle}.{low}""#),
        };
    }
    text.push_str("]}");
    text
}

/// A reference that one of the patterns allows.
pub const ALLOWED_BY_PATTERN: (&str, &str) =
    ("allow-pattern", "100000000500.dkr.ecr.eu-west-1.cloud-0.example/team/app:1");

/// The policy with 1,000 patterns more: accounts of ten clouds, each in every region.
pub fn with_patterns(policy: &str) -> String {
    let patterns = (0..1_000).map(|number| format!(r#""1000000{number:05}.dkr.ecr.*.cloud-{}.example","#, number % 10));
    policy.replacen(r#""whitelist":["#, &(r#""whitelist":["#.to_owned() + &patterns.collect::<String>()), 1)
}

/// Loads a policy into the built-in module.
///
/// # Panics
///
/// If it does not load.
pub fn evaluator(document: &str) -> PolicyEvaluator {
    let module = Module::built_in().expect("the module runs here");
    module.load(document, 0, EvaluatorOptions::default()).expect("the policy loads").0
}

/// A policy of at least 100 entries with ten of them changed: names, wildcards, networks and addresses.
pub fn changed(policy: &str) -> String {
    let mut text = policy.to_owned();
    for number in 0..10_u32 {
        let old = match number % 4 {
            0 => format!("\"host-{number}.corp-{number}.internal\""),
            1 => format!("\"*.team-{number}.corp-{number}.internal\""),
            2 => format!("\"172.16.0.{number}/32\""),
            _ => format!("\"100.0.0.{number}\""),
        };
        let new = match number % 4 {
            0 | 1 => old.replace("internal", "changed"),
            2 => format!("\"172.31.0.{number}/31\""),
            _ => format!("\"100.0.0.{number}:5000\""),
        };
        text = text.replacen(&old, &new, 1);
    }
    text
}

/// The lines of an audit record of a month, as the daemon writes them: `distinct` requests, of which a few are most of the
/// record, as in a cluster whose pods are restarted. Each line is written with its number.
pub fn audit_line(number: u64, distinct: u64) -> String {
    // A linear congruential generator (Knuth's MMIX): the same record in every run.
    let random = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 33;
    // Squaring makes requests with small numbers frequent; a tenth of the lines is spread evenly.
    let share = random % 65_536;
    let request =
        if number.is_multiple_of(10) { random % distinct } else { share * share / 65_536 * distinct / 65_536 };
    let (day, second) = (1 + number % 28, number % 86_400);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let namespace = request % 40;
    let start = format!(
        r#"{{"time":"2026-11-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z","frontend":"kubernetes","user":"system:serviceaccount:kube-system:replicaset-controller","action":"create pod","reference":"#,
        number % 1_000
    );
    let sha256 = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9";
    let end = format!(r#""generation":3,"policy":"{sha256}","module":"{sha256}","microseconds":{}}}"#, 9 + random % 90);
    let project = format!(r#""kind":"image","project":"team-{namespace}""#);
    match request % 10 {
        0 => format!(
            r#"{start}"evil-{}.example.net/app-{request}:1.2",{project},"decision":"deny","reason":"not-whitelisted","text":"access to registry `evil-{}.example.net` is denied: no entry of the whitelist covers it",{end}"#,
            request % 500,
            request % 500
        ),
        1 => format!(
            r#"{start}"10.2.2.{}:5000/team/app-{request}:1.2",{project},"decision":"allow","reason":"matched","entry":"10.2.2.0/24","attempts":[{{"scheme":"https","port":5000,"verified":false}},{{"scheme":"http","port":5000,"verified":false}}],{end}"#,
            request % 250
        ),
        _ => format!(
            r#"{start}"registry-{}.example.com/team-{namespace}/app-{request}:1.2",{project},"decision":"allow","reason":"matched","entry":"*.example.com","attempts":[{{"scheme":"https","port":443,"verified":true}}],{end}"#,
            request % 30
        ),
    }
}
