//! Requests and policies of the benchmarks.

#![forbid(unsafe_code)]

use std::fmt::Write;

/// References that the worked example allows: an address, a network, a wildcard.
pub const ALLOWED: [(&str, &str); 3] = [
    ("allow-address", "10.2.40.40/team/app:1.2"),
    ("allow-network", "10.2.2.17:5000/team/app:1.2"),
    ("allow-wildcard", "registry.example.com/team/app:1"),
];

/// References that it denies: one that is near to an entry, and Docker Hub's.
pub const DENIED: [(&str, &str); 2] = [("deny-near", "10.2.40.40:5000/team/app:1"), ("deny-hub", "library/nginx:1.27")];

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
