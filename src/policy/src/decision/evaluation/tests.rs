use std::net::IpAddr;

use super::*;
use crate::decision::ReferenceKind;
use crate::load::load_policy;
use crate::policy::Policy;
use crate::reference::Reference;

/// Returns what an evaluation is made of, as one line.
fn summary(evaluation: &HostEvaluation<'_>) -> String {
    let text = |found: Option<EntryMatch<'_>>| found.map_or("-".to_owned(), |found| found.row.text.to_string());
    let flags = [
        (evaluation.plain_http_on_80, " http"),
        (evaluation.transport_decided, " decided"),
        (evaluation.built_in, " built-in"),
    ];
    let flags: String = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name).collect();
    let [cover, insecure, blocked] = [evaluation.cover, evaluation.insecure, evaluation.blocked].map(text);
    format!("{cover} {insecure} {blocked}{flags} {}", evaluation.specificity)
}

/// Calls `check` with the evaluation of each host for `h.example/x`: an address, or a name of an address.
fn with_evaluations(policy: &Policy, hosts: &[&str], check: impl FnOnce(&[HostEvaluation<'_>])) {
    let reference = Reference::parse("h.example/x", ReferenceKind::Image).unwrap();
    let query = Query::new(policy, None, &reference, &[]);
    let evaluate = |host: &&str| match host.parse::<IpAddr>() {
        Ok(address) => query.evaluate_address(address),
        Err(_) => query.evaluate_name(host),
    };
    check(&hosts.iter().map(evaluate).collect::<Vec<_>>());
}

#[test]
fn m4_evaluation_of_two_addresses_is_what_holds_of_both() {
    let policy = load_policy(
        r#"{"whitelist": ["10.0.0.0/8"], "insecure": ["10.0.0.1", "10.0.0.2:443", "10.0.4.0/24"],
            "built_in": ["10.0.0.3", "10.0.4.4"],
            "blocked": ["10.0.0.5"], "match_resolved_addresses": true}"#,
    );
    let hosts = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.4.4", "10.0.0.5", "10.0.0.6", "192.0.2.1"];
    with_evaluations(&policy, &hosts, |evaluations| {
        for (one, other, expected) in [
            (0, 0, "10.0.0.1 10.0.0.1 - http decided 0"),
            (0, 1, "10.0.0.1 10.0.0.1 - decided 0"),
            (1, 0, "10.0.0.2:443 10.0.0.2:443 - decided 0"),
            (0, 2, "10.0.0.1 - - decided built-in 0"),
            (2, 0, "10.0.0.0/8 - - decided built-in 0"),
            (0, 3, "10.0.0.1 - - http decided built-in 0"),
            (3, 0, "10.0.4.0/24 - - http decided built-in 0"),
            (0, 4, "10.0.0.1 - 10.0.0.5 decided 0"),
            (4, 0, "10.0.0.0/8 - 10.0.0.5 decided 0"),
            (0, 5, "10.0.0.1 - - decided 0"),
            (5, 0, "10.0.0.0/8 - - decided 0"),
            (0, 6, "- - - 0"),
            (6, 0, "- - - 0"),
            (3, 3, "10.0.4.0/24 - - http decided built-in 0"),
            (5, 6, "- - - 0"),
        ] {
            let both = evaluations[one].intersect_address(evaluations[other]);
            assert_eq!(summary(&both), expected, "{} and {}", hosts[one], hosts[other]);
        }
    });
}

#[test]
fn m5_most_specific_of_two_names_decides() {
    let policy = load_policy(
        r#"{"whitelist": ["*.corp.io", "*.c.corp.io"], "insecure": ["*.a.corp.io:443", "*.b.corp.io", "*.xy.io"],
            "built_in": ["*.d.io"]}"#,
    );
    let hosts = ["x.corp.io", "x.a.corp.io", "x.b.corp.io", "x.c.corp.io", "x.d.io", "x.xy.io", "x.other"];
    with_evaluations(&policy, &hosts, |evaluations| {
        for (one, other, expected) in [
            (0, 1, "*.corp.io *.a.corp.io:443 - decided 9"),
            (1, 0, "*.a.corp.io:443 *.a.corp.io:443 - decided 9"),
            (1, 2, "*.a.corp.io:443 *.b.corp.io - http decided 9"),
            (2, 1, "*.b.corp.io *.b.corp.io - http decided 9"),
            (1, 3, "*.a.corp.io:443 *.a.corp.io:443 - decided 9"),
            (3, 1, "*.c.corp.io *.a.corp.io:443 - decided 9"),
            (0, 3, "*.corp.io - - decided 9"),
            (2, 3, "*.b.corp.io *.b.corp.io - http decided 9"),
            (3, 2, "*.c.corp.io *.b.corp.io - http decided 9"),
            (0, 4, "*.corp.io - - decided built-in 7"),
            (4, 2, "*.b.corp.io *.b.corp.io - http decided built-in 9"),
            (0, 5, "*.corp.io - - decided 7"),
            (6, 0, "*.corp.io - - decided 7"),
            (0, 6, "*.corp.io - - decided 7"),
            (6, 6, "- - - 0"),
        ] {
            let both = evaluations[one].union_name(evaluations[other]);
            assert_eq!(summary(&both), expected, "{} and {}", hosts[one], hosts[other]);
        }
    });
}

#[test]
fn t4_transport_of_the_name_itself_comes_before_that_of_its_addresses() {
    let policy = load_policy(
        r#"{"whitelist": ["10.0.0.0/8"], "insecure": ["10.0.0.1"],
            "built_in": ["10.0.0.3"], "blocked": ["10.0.0.5", "192.0.2.5"]}"#,
    );
    let hosts = ["10.0.0.1", "10.0.0.3", "10.0.0.5", "10.0.0.6", "192.0.2.1", "192.0.2.5"];
    with_evaluations(&policy, &hosts, |evaluations| {
        for (one, other, expected) in [
            (0, 3, "10.0.0.1 10.0.0.1 - http decided 65535"),
            (3, 0, "10.0.0.0/8 - - decided 8"),
            (4, 0, "10.0.0.1 10.0.0.1 - http decided 65535"),
            (0, 4, "10.0.0.1 10.0.0.1 - http decided 65535"),
            (3, 1, "10.0.0.0/8 - - decided built-in 8"),
            (1, 3, "10.0.0.0/8 - - decided built-in 8"),
            (4, 1, "10.0.0.0/8 - - decided built-in 8"),
            (0, 2, "10.0.0.1 10.0.0.1 10.0.0.5 http decided 65535"),
            (2, 5, "10.0.0.0/8 - 10.0.0.5 decided 8"),
            (5, 2, "10.0.0.0/8 - 192.0.2.5 decided 8"),
            (4, 4, "- - - 0"),
        ] {
            let both = evaluations[one].or_else(&evaluations[other]);
            assert_eq!(summary(&both), expected, "{} and {}", hosts[one], hosts[other]);
        }
    });
}

#[test]
fn a1_evaluations_with_equal_effects_have_equal_keys() {
    let policy = load_policy(
        r#"{"whitelist": ["10.0.0.0/8", "10.0.1.0/24"], "insecure": ["10.0.0.1", "10.0.0.2:443", "10.0.4.0/24"],
            "built_in": ["10.0.4.4", "192.0.2.4"],
            "blocked": ["10.0.0.5", "192.0.2.5"]}"#,
    );
    let hosts =
        ["10.0.0.1", "10.0.0.2", "10.0.4.4", "10.0.0.5", "10.0.0.6", "10.0.1.6", "192.0.2.1", "192.0.2.4", "192.0.2.5"];
    with_evaluations(&policy, &hosts, |evaluations| {
        let keys: std::collections::BTreeSet<u32> = evaluations.iter().map(HostEvaluation::equivalence_key).collect();
        assert_eq!(keys.len(), hosts.len(), "{keys:?}");
        let [insecure, .., none, _, _] = evaluations else { panic!("there are evaluations") };
        let verified = HostEvaluation { insecure: None, ..*insecure };
        let without_http = HostEvaluation { plain_http_on_80: false, ..verified };
        assert_eq!(verified.equivalence_key(), without_http.equivalence_key());
        assert_ne!(verified.equivalence_key(), insecure.equivalence_key());
        let decided = HostEvaluation { transport_decided: true, ..*none };
        assert_ne!(decided.equivalence_key(), none.equivalence_key());
    });
}
