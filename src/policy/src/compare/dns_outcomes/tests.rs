use crate::compare::{Region, compare};

/// Compares two policies that use the addresses of names. Returns the regions, each with the answers of its witness.
fn regions(old: &str, new: &str) -> Vec<String> {
    let resolving = |lists: &str| format!(r#"{{{lists}, "match_resolved_addresses": true}}"#);
    let comparison = compare(&resolving(old), &resolving(new), 0).unwrap();
    let line = |region: &Region| {
        let answers = region.witness.dns_answers.iter();
        let answers = answers.map(|answer| format!("; {} is {}", answer.subject, answer.answers.join(" and ")));
        format!("{:?} {}{}", region.change, region.text, answers.collect::<String>())
    };
    comparison.regions.iter().map(line).collect()
}

#[test]
fn a1_addresses_that_only_the_old_policy_tells_apart() {
    let (wide, narrow) = (r#""whitelist": ["h.test", "10.0.0.0/8"]"#, r#""whitelist": ["h.test"]"#);
    assert_eq!(
        regions(wide, narrow),
        [
            "NewlyDenied Docker Hub, depending on DNS; registry-1.docker.io is 10.0.0.1",
            "NewlyDenied every name but `h.test` on any port, depending on DNS; registry.example.com is 10.0.0.1",
            "NewlyDenied `10.0.0.0/8` on any port",
            "NoLongerByDns Docker Hub",
            "NoLongerByDns every name but `h.test` on any port"
        ]
    );
    assert_eq!(
        regions(narrow, wide),
        [
            "NewlyAllowed Docker Hub, depending on DNS; registry-1.docker.io is 10.0.0.1",
            "NewlyAllowed every name but `h.test` on any port, depending on DNS; registry.example.com is 10.0.0.1",
            "NewlyAllowed `10.0.0.0/8` on any port",
            "NowByDns Docker Hub",
            "NowByDns every name but `h.test` on any port"
        ]
    );
}

#[test]
fn a1_name_without_addresses_may_be_a_blocked_one() {
    let blocked = r#""blocked": ["10.0.0.1"]"#;
    assert_eq!(
        regions(r#""insecure": []"#, blocked),
        [
            "NewlyDenied Docker Hub, depending on DNS; registry-1.docker.io is ",
            "NewlyDenied every name on any port, depending on DNS; registry.example.com is ",
            "NewlyDenied `10.0.0.1` on any port",
            "NowByDns Docker Hub",
            "NowByDns every name on any port"
        ]
    );
    assert_eq!(
        regions(blocked, r#""insecure": []"#),
        [
            "NewlyAllowed Docker Hub, depending on DNS; registry-1.docker.io is ",
            "NewlyAllowed every name on any port, depending on DNS; registry.example.com is ",
            "NewlyAllowed `10.0.0.1` on any port",
            "NoLongerByDns Docker Hub",
            "NoLongerByDns every name on any port"
        ]
    );
}

#[test]
fn a1_address_that_changes_how_a_name_is_reached() {
    let old = r#""insecure": ["10.0.0.1", "10.0.0.2"]"#;
    assert_eq!(
        regions(old, r#""insecure": ["10.0.0.1", "10.0.0.2:443"]"#),
        [
            "NowVerified every name except on 443, depending on DNS; registry.example.com is 10.0.0.2",
            "NowVerified `10.0.0.2` except on 443",
            "NoLongerPlainHttp Docker Hub without a port, depending on DNS; registry-1.docker.io is 10.0.0.2",
            "NoLongerPlainHttp every name without a port, depending on DNS; registry.example.com is 10.0.0.2",
            "NoLongerPlainHttp `10.0.0.2` without a port"
        ]
    );
    // One address of the product's own verifies the name.
    assert_eq!(
        regions(old, r#""insecure": ["10.0.0.1", "10.0.0.2"], "built_in": ["10.0.0.2:443"]"#),
        [
            "NowVerified Docker Hub, depending on DNS; registry-1.docker.io is 10.0.0.2",
            "NowVerified every name on 443, depending on DNS; registry.example.com is 10.0.0.2",
            "NowVerified `10.0.0.2` on 443"
        ]
    );
}

#[test]
fn a1_difference_that_takes_two_names_of_an_address() {
    let old = r#""insecure": ["*.aa.test:443", "*.bb.test:80"]"#;
    assert_eq!(
        regions(old, r#""insecure": ["*.aa.test:443"]"#),
        [
            "NowVerified `*.bb.test` on 80, but without a port too",
            "NowVerified every IPv4 address on 80, but without a port too, depending on DNS; \
             0.0.0.1 is registry.bb.test; registry.bb.test is 0.0.0.1",
            "NowVerified every IPv6 address on 80, but without a port too, depending on DNS; \
             ::1 is registry.bb.test; registry.bb.test is ::1",
            "NoLongerPlainHttp every IPv4 address without a port, depending on DNS; \
             0.0.0.1 is registry.aa.test and registry.bb.test; registry.aa.test is 0.0.0.1; \
             registry.bb.test is 0.0.0.1",
            "NoLongerPlainHttp every IPv6 address without a port, depending on DNS; \
             ::1 is registry.aa.test and registry.bb.test; registry.aa.test is ::1; registry.bb.test is ::1",
            "NoLongerByDns every IPv4 address on 80",
            "NoLongerByDns every IPv6 address on 80"
        ]
    );
    let (old, new) = (r#""whitelist": ["*.aa.test"]"#, r#""whitelist": ["*.aa.test"], "insecure": ["*.x.aa.test"]"#);
    assert_eq!(
        regions(old, new),
        [
            "NowUnverified `*.x.aa.test` on any port",
            "NowUnverified every IPv4 address on any port, depending on DNS; \
             0.0.0.1 is registry.x.aa.test; registry.x.aa.test is 0.0.0.1",
            "NowUnverified every IPv6 address on any port, depending on DNS; \
             ::1 is registry.x.aa.test; registry.x.aa.test is ::1"
        ]
    );
}

#[test]
fn a1_ports_and_namespaces_of_entries_by_dns() {
    let old = r#""whitelist": ["10.0.0.0/8"]"#;
    assert_eq!(
        regions(old, r#""whitelist": ["10.0.0.0/8", "192.0.2.1:5000/team"]"#),
        [
            "NewlyAllowed every name on 5000, repositories in `team` and logins, depending on DNS; \
             registry.example.com is 192.0.2.1",
            "NewlyAllowed `192.0.2.1` on 5000, repositories in `team` and logins"
        ]
    );
}
