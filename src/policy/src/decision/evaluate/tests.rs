use super::*;
use crate::decision::ReferenceKind;
use crate::decision::{Decision, DnsAnswer, LookupKind, Request};
use crate::load::load_policy;
use crate::policy::Policy;

/// The first worked example of the VIC documentation.
const FIRST_EXAMPLE: &str = r#"{
    "whitelist": ["10.2.40.40:443"],
    "insecure": ["10.2.2.1/24", "*.example.com", "192.168.100.207"]
}"#;

/// Decides a request and formats the decision as one line.
pub fn decide_text(policy: &Policy, reference: &str, dns_answers: &[DnsAnswer]) -> String {
    let request = Request { reference, dns_answers, ..Request::default() };
    format_decision(policy.decide(&request))
}

fn format_decision(decision: Decision<'_>) -> String {
    match decision {
        Decision::Allow(allowed) => {
            let by = allowed.by.map_or("-".to_owned(), |by| by.entry.into_owned());
            let attempts: Vec<String> = allowed
                .attempts
                .iter()
                .map(|attempt| {
                    let scheme = if attempt.scheme == Scheme::Https { "https" } else { "http" };
                    format!("{scheme}{}{}", attempt.port, if attempt.verified { "!" } else { "" })
                })
                .collect();
            let pinned =
                if allowed.pinned.is_empty() { String::new() } else { format!(" at {}", allowed.pinned.join(",")) };
            format!("{by} {}{pinned}", attempts.join(" "))
        }
        Decision::Deny(denied) => match denied.nearest {
            Some(nearest) => format!("deny {:?} {}", nearest.miss, nearest.entry.entry),
            None => format!("deny {:?}", denied.reason),
        },
        Decision::Lookup(queries) => {
            let queries: Vec<String> =
                queries.iter().map(|dns_query| format!("{:?} {}", dns_query.kind, dns_query.subject)).collect();
            format!("lookup {}", queries.join(" "))
        }
    }
}

fn dns_answer(kind: LookupKind, subject: &str, answers: &[&str]) -> DnsAnswer {
    DnsAnswer {
        kind,
        subject: subject.to_owned(),
        answers: answers.iter().map(|answer| (*answer).to_owned()).collect(),
    }
}

/// Returns the answer about the addresses of a name.
pub fn forward(name: &str, answers: &[&str]) -> DnsAnswer {
    dns_answer(LookupKind::Forward, name, answers)
}

/// Returns the answer about the names of an address.
pub fn reverse(address: &str, answers: &[&str]) -> DnsAnswer {
    dns_answer(LookupKind::Reverse, address, answers)
}

#[test]
fn the_first_worked_example() {
    let policy = load_policy(FIRST_EXAMPLE);
    for (reference, expected) in [
        ("10.2.40.40/x", "10.2.40.40:443 https443!"),
        ("10.2.40.40:443/x", "10.2.40.40:443 https443!"),
        ("10.2.2.77:5000/x", "10.2.2.0/24 https5000 http5000"),
        ("a.example.com/x", "*.example.com https443 http80"),
        ("192.168.100.207:443/x", "192.168.100.207 https443"),
        ("alpine", "deny NotWhitelisted"),
        ("example.com/x", "deny WildcardApex *.example.com"),
    ] {
        assert_eq!(decide_text(&policy, reference, &[]), expected, "{reference}");
    }
    // Wildcards can match an address by reverse DNS.
    assert_eq!(decide_text(&policy, "10.2.40.40:5000/x", &[]), "lookup Reverse 10.2.40.40");
    assert_eq!(
        decide_text(&policy, "10.2.40.40:5000/x", &[reverse("10.2.40.40", &[])]),
        "deny AnotherPort 10.2.40.40:443"
    );
}

#[test]
fn the_second_worked_example() {
    let policy = load_policy(r#"{"insecure": ["*.example.com", "192.168.100.207:5000"]}"#);
    assert_eq!(decide_text(&policy, "alpine", &[]), "- https443!");
    assert_eq!(decide_text(&policy, "a.b.example.com/x", &[]), "*.example.com https443 http80");
    assert_eq!(decide_text(&policy, "192.168.100.207:5000/x", &[]), "192.168.100.207:5000 https5000 http5000");
    let unnamed = [reverse("192.168.100.207", &[])];
    assert_eq!(decide_text(&policy, "192.168.100.207/x", &unnamed), "- https443!");
}

#[test]
fn h2_docker_hub_by_any_name() {
    for entry in ["docker.io", "index.docker.io:443", "registry-1.docker.io", "registry.hub.docker.com", "*.docker.io"]
    {
        let policy = load_policy(&format!(r#"{{"whitelist": ["{entry}"]}}"#));
        assert_eq!(decide_text(&policy, "alpine", &[]), format!("{entry} https443!"));
    }
    let policy = load_policy(r#"{"whitelist": ["*.docker.com"]}"#);
    assert_eq!(decide_text(&policy, "alpine", &[]), "deny NotWhitelisted");
}

#[test]
fn m2_ports() {
    let policy = load_policy(r#"{"whitelist": ["h.io:443", "i.io"]}"#);
    assert_eq!(decide_text(&policy, "h.io/x", &[]), "h.io:443 https443!");
    assert_eq!(decide_text(&policy, "h.io:5000/x", &[]), "deny AnotherPort h.io:443");
    assert_eq!(decide_text(&policy, "i.io:5000/x", &[]), "i.io https5000!");
    let policy = load_policy(r#"{"whitelist": [], "insecure": ["h.io:80"]}"#);
    assert_eq!(decide_text(&policy, "h.io/x", &[]), "h.io:80 https443 http80");
    assert_eq!(decide_text(&policy, "h.io:443/x", &[]), "deny AnotherPort h.io:80");
}

#[test]
fn m3_namespaces_and_logins() {
    let policy = load_policy(r#"{"whitelist": ["h.io/team", "h.io/other/deep"]}"#);
    assert_eq!(decide_text(&policy, "h.io/team/app", &[]), "h.io/team https443!");
    assert_eq!(decide_text(&policy, "h.io/team2", &[]), "deny AnotherNamespace h.io/team");
    assert_eq!(decide_text(&policy, "h.io/other", &[]), "deny AnotherNamespace h.io/other/deep");
    let login = Request { reference: "h.io", kind: ReferenceKind::Registry, ..Request::default() };
    assert_eq!(format_decision(policy.decide(&login)), "h.io/other/deep https443!");
}

#[test]
fn m4_a_name_is_covered_where_all_its_addresses_are() {
    let text = r#"{"whitelist": ["10.2.0.0/16", "2001:db8::/32"], "insecure": ["10.2.2.0/24"], "match_resolved_addresses": true}"#;
    let policy = load_policy(text);
    let with = |answers: &[&str]| decide_text(&policy, "h.io/x", &[forward("h.io", answers)]);
    assert_eq!(decide_text(&policy, "h.io/x", &[]), "lookup Forward h.io");
    assert_eq!(decide_text(&policy, "alpine", &[]), "lookup Forward registry-1.docker.io");
    assert_eq!(with(&["10.2.9.9", "2001:db8::1"]), "10.2.0.0/16 https443! at 10.2.9.9,2001:db8::1");
    assert_eq!(with(&["10.2.9.9", "10.3.0.1"]), "deny AddressOutside 10.2.0.0/16");
    assert_eq!(with(&["10.2.9.9", "nonsense"]), "deny NotWhitelisted");
    assert_eq!(with(&["10.2.2.5"]), "10.2.2.0/24 https443 http80 at 10.2.2.5");
    assert_eq!(with(&["10.2.2.5", "10.2.3.5"]), "10.2.2.0/24 https443! at 10.2.2.5,10.2.3.5");
    assert_eq!(with(&[]), "deny NotWhitelisted");
    let policy = load_policy(r#"{"whitelist": ["10.2.0.0/16"]}"#);
    assert_eq!(decide_text(&policy, "h.io/x", &[]), "deny NotWhitelisted");
    let dns_answers = [forward("h.io", &["10.2.9.9"])];
    assert_eq!(decide_text(&policy, "h.io/x", &dns_answers), "deny NameUnderNetwork 10.2.0.0/16");
}

#[test]
fn m5_an_address_is_covered_by_a_forward_confirmed_name() {
    let policy = load_policy(r#"{"whitelist": ["*.corp.io", "exact.io"]}"#);
    let reference = "10.2.2.5/x";
    let said = reverse("10.2.2.5", &["Harbor.Corp.IO.", "exact.io", "other.net"]);
    assert_eq!(decide_text(&policy, reference, &[]), "lookup Reverse 10.2.2.5");
    assert_eq!(decide_text(&policy, reference, std::slice::from_ref(&said)), "lookup Forward harbor.corp.io");
    let good = forward("harbor.corp.io", &["10.9.9.9", "10.2.2.5"]);
    assert_eq!(decide_text(&policy, reference, &[said.clone(), good]), "*.corp.io https443!");
    let bad = forward("harbor.corp.io", &["10.9.9.9"]);
    assert_eq!(decide_text(&policy, reference, &[said, bad]), "deny NameUnconfirmed *.corp.io");
    assert_eq!(decide_text(&policy, reference, &[reverse("10.2.2.5", &["exact.io"])]), "deny NotWhitelisted");
}

#[test]
fn m6_lookup_only_where_the_policy_is_undecided() {
    let policy = load_policy(
        r#"{"whitelist": ["10.2.2.5", "*.io"], "insecure": ["*.corp.io"], "match_resolved_addresses": true}"#,
    );
    assert_eq!(decide_text(&policy, "10.2.2.5/x", &[]), "10.2.2.5 https443!");
    assert_eq!(decide_text(&policy, "a.corp.io/x", &[]), "*.corp.io https443 http80");
    let policy = load_policy(r#"{"insecure": ["*.corp.io:5000"]}"#);
    assert_eq!(decide_text(&policy, "10.2.2.5/x", &[]), "- https443!");
    assert_eq!(decide_text(&policy, "10.2.2.5:5000/x", &[]), "lookup Reverse 10.2.2.5");
}

#[test]
fn t4_the_more_specific_host_decides() {
    let policy = load_policy(
        r#"{"whitelist": ["10.2.40.40:443", "h.io:5000", "a.b.io/team"], "insecure": ["10.2.0.0/16", "h.io", "*.io"]}"#,
    );
    assert_eq!(decide_text(&policy, "10.2.40.40/x", &[]), "10.2.40.40:443 https443!");
    assert_eq!(decide_text(&policy, "10.2.40.40:5000/x", &[]), "10.2.0.0/16 https5000 http5000");
    assert_eq!(decide_text(&policy, "h.io:5000/x", &[]), "h.io https5000 http5000");
    // Transport belongs to the registry: another repository of it is allowed by the wider entry, and verified.
    assert_eq!(decide_text(&policy, "a.b.io/team/x", &[]), "a.b.io/team https443!");
    assert_eq!(decide_text(&policy, "a.b.io/x", &[]), "*.io https443!");
}

#[test]
fn t5_built_in_registries_are_verified() {
    let policy = load_policy(r#"{"whitelist": [], "insecure": ["10.0.0.0/8"], "built_in": ["10.1.1.1:443"]}"#);
    assert_eq!(decide_text(&policy, "10.1.1.1/x", &[]), "10.0.0.0/8 https443!");
    assert_eq!(decide_text(&policy, "10.1.1.1:5000/x", &[]), "10.0.0.0/8 https5000 http5000");
}

#[test]
fn t5_addresses_are_not_pinned_where_dns_changes_nothing() {
    let text = r#"{"insecure": ["10.0.0.0/8"], "built_in": ["10.1.0.1"], "match_resolved_addresses": true}"#;
    let dns_answers = [forward("b.corp", &["10.1.0.1"])];
    assert_eq!(decide_text(&load_policy(text), "b.corp/x", &dns_answers), "- https443!");
    // In whitelist mode the addresses are the reason for the decision.
    let policy = load_policy(&text.replacen('{', r#"{"whitelist": [], "#, 1));
    assert_eq!(decide_text(&policy, "b.corp/x", &dns_answers), "10.0.0.0/8 https443! at 10.1.0.1");
}

/// Returns the nearest entry and the reason for its mismatch.
fn nearest_reason(policy: &Policy, reference: &str, dns_answers: &[DnsAnswer]) -> String {
    let request = Request { reference, dns_answers, ..Request::default() };
    let Decision::Deny(Deny { nearest: Some(nearest), .. }) = policy.decide(&request) else {
        panic!("{reference} has no nearest entry")
    };
    format!("{} {}", nearest.entry.entry, nearest.text)
}

#[test]
fn w3_the_nearest_entry_has_a_true_reason() {
    let policy = load_policy(r#"{"whitelist": ["10.0.0.1:5000", "10.0.0.2"], "match_resolved_addresses": true}"#);
    assert_eq!(
        nearest_reason(&policy, "h.corp/x", &[forward("h.corp", &["10.0.0.1"])]),
        "10.0.0.1:5000 it covers port 5000 only, and a reference without a port stands for 443; `h.corp` has the address \
         10.0.0.1"
    );
    assert_eq!(
        nearest_reason(&policy, "alpine", &[forward("registry-1.docker.io", &["10.0.0.9"])]),
        "10.0.0.2 `registry-1.docker.io` has the address 10.0.0.9, which no entry covers"
    );
    assert_eq!(decide_text(&policy, "alpine", &[forward("registry-1.docker.io", &[])]), "deny NotWhitelisted");
    let policy = load_policy(r#"{"whitelist": ["10.0.0.1:5000"], "match_resolved_addresses": true}"#);
    assert_eq!(decide_text(&policy, "h.corp/x", &[]), "deny NotWhitelisted");
    let policy = load_policy(r#"{"whitelist": ["*.corp/team"]}"#);
    assert_eq!(
        nearest_reason(&policy, "11.0.0.1/x", &[reverse("11.0.0.1", &["h.corp"]), forward("h.corp", &["11.0.0.1"])]),
        "*.corp/team it covers repositories in `team` only, and `x` is not"
    );
    let policy = load_policy(r#"{"whitelist": ["docker.io"]}"#);
    assert_eq!(
        nearest_reason(&policy, "docker.io:5000/x", &[]),
        "docker.io it means Docker Hub, which is on port 443 only, and the reference has port 5000"
    );
}

#[test]
fn w3_no_reason_proposes_more_than_was_asked_for() {
    let policy = load_policy(r#"{"whitelist": ["10.0.0.0/8", "nginx", "corp.example", "*.a.example"]}"#);
    for (reference, dns_answers) in [
        ("nginx", vec![]),
        ("x.corp.example/y", vec![]),
        ("a.example/y", vec![]),
        ("h.example/y", vec![forward("h.example", &["10.0.0.1"])]),
    ] {
        let reason = nearest_reason(&policy, reference, &dns_answers);
        for wider in ["match_resolved_addresses", "list `", "`docker.io` itself", "`*.corp.example`"] {
            assert!(!reason.contains(wider), "{reason}");
        }
    }
}

#[test]
fn m6_requests_beyond_the_limits_are_denied() {
    let policy = load_policy(r#"{"whitelist": ["10.0.0.0/8", "*.corp"], "match_resolved_addresses": true}"#);
    let many = |count: usize| vec![forward("h.example", &["10.0.0.1"]); count];
    let answers =
        |count: usize| [DnsAnswer { answers: vec!["10.0.0.1".to_owned(); count], ..forward("h.example", &[]) }];
    let long = |bytes: usize| [reverse("10.0.0.1", &[&"a".repeat(bytes)]), forward("h.example", &["10.0.0.1"])];
    let allowed = "10.0.0.0/8 https443! at 10.0.0.1";
    for (within, beyond) in
        [(many(32), many(33)), (answers(256).into(), answers(257).into()), (long(253).into(), long(254).into())]
    {
        assert_eq!(decide_text(&policy, "h.example/x", &within), allowed);
        assert_eq!(decide_text(&policy, "h.example/x", &beyond), "deny InvalidRequest");
        let request = Request { reference: "h.example/x", dns_answers: &beyond, ..Request::default() };
        assert!(
            policy
                .answer(&request)
                .to_json()
                .contains(r#""registry":"h.example","repository":"x","decision":"deny","reason":"invalid-request""#)
        );
        assert_eq!(policy.explain(&request).response, policy.answer(&request));
    }
    let subject = [DnsAnswer { subject: "a".repeat(254), ..forward("", &[]) }];
    assert_eq!(decide_text(&policy, "h.example/x", &subject), "deny InvalidRequest");
    for (dns_answers, text) in [
        (many(33), "a request has at most 32 DNS answers, this one has 33"),
        (answers(257).into(), "a DNS answer has at most 256 addresses or names, this one has 257"),
    ] {
        let request = Request { reference: "h.example/x", dns_answers: &dns_answers, ..Request::default() };
        let Decision::Deny(denied) = policy.decide(&request) else { panic!("{text}") };
        assert_eq!(denied.text, text);
    }
}

#[test]
fn m6_names_beyond_the_room_of_a_request_do_not_match() {
    let policy = load_policy(r#"{"whitelist": ["*.corp"]}"#);
    let names: Vec<String> = (0..200).map(|number| format!("h{number:03}.corp")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let Decision::Lookup(queries) = policy.decide(&Request {
        reference: "11.0.0.1/x",
        dns_answers: &[reverse("11.0.0.1", &names)],
        ..Request::default()
    }) else {
        panic!("there are names to ask about")
    };
    assert_eq!(queries.len(), 31);
    let mut dns_answers = vec![reverse("11.0.0.1", &names)];
    dns_answers.extend(queries.iter().map(|query| forward(&query.subject, &[])));
    assert_eq!(decide_text(&policy, "11.0.0.1/x", &dns_answers), "deny NameUnconfirmed *.corp");
    dns_answers[31] = forward("h030.corp", &["11.0.0.1"]);
    assert_eq!(decide_text(&policy, "11.0.0.1/x", &dns_answers), "*.corp https443!");
}

/// Returns the explanation of each entry.
fn explained_entries(policy: &Policy, reference: &str, dns_answers: &[DnsAnswer]) -> Vec<(bool, String)> {
    let steps = policy.explain(&Request { reference, dns_answers, ..Request::default() }).steps;
    steps.into_iter().filter_map(|step| Some((step.matches?, step.text))).collect()
}

#[test]
fn d3_entries_that_cover_a_name_together_each_cover_it() {
    let text = r#"{"whitelist": ["0.0.0.0/0", "2001:db8::/32"], "match_resolved_addresses": true}"#;
    let part = "1 of the 2 addresses of `h.corp` are covered, and other entries cover the rest".to_owned();
    let both = [forward("h.corp", &["10.0.0.2", "2001:db8::1"])];
    assert_eq!(explained_entries(&load_policy(text), "h.corp/x", &both), [(true, part.clone()), (true, part)]);
    let one = [forward("h.corp", &["10.0.0.2", "2001:db9::1"])];
    let [(first, _), (second, _)] = explained_entries(&load_policy(text), "h.corp/x", &one).try_into().unwrap();
    assert!(!first && !second);
    let policy = load_policy(r#"{"whitelist": ["docker.io"]}"#);
    let hub = (false, "it is Docker Hub, which is on port 443 only".to_owned());
    assert_eq!(explained_entries(&policy, "docker.io:5000/x", &[]), [hub]);
}

#[test]
fn t5_product_keeps_an_insecure_name_verified_on_its_port() {
    let document = r#"{"whitelist": ["*.corp.io"], "insecure": ["a.corp.io"], "built_in": ["*.corp.io:443"]}"#;
    let policy = load_policy(document);
    assert_eq!(decide_text(&policy, "a.corp.io/x", &[]), "a.corp.io https443!");
    assert_eq!(decide_text(&policy, "a.corp.io:5000/x", &[]), "a.corp.io https5000 http5000");
    assert_eq!(decide_text(&policy, "b.corp.io/x", &[]), "*.corp.io https443!");
    // A whitelist entry that is more specific than an insecure one decides, and is the one that allows.
    let document = r#"{"whitelist": ["a.corp.io"], "insecure": ["*.corp.io"], "built_in": ["b.test"]}"#;
    let policy = load_policy(document);
    assert_eq!(decide_text(&policy, "a.corp.io/x", &[]), "a.corp.io https443!");
    assert_eq!(decide_text(&policy, "b.corp.io/x", &[]), "*.corp.io https443 http80");
}

#[test]
fn t5_first_address_of_an_insecure_network_is_the_products_own() {
    let policy = load_policy(r#"{"insecure": ["10.0.0.0/24"], "built_in": ["10.0.0.0"]}"#);
    assert_eq!(decide_text(&policy, "10.0.0.0/x", &[]), "- https443!");
    assert_eq!(decide_text(&policy, "10.0.0.5/x", &[]), "10.0.0.0/24 https443 http80");
}

#[test]
fn m3_longest_namespace_decides_then_the_port() {
    for (entries, expected) in [
        (r#""h.io", "h.io:443""#, "h.io:443"),
        (r#""h.io:443", "h.io/team""#, "h.io/team"),
        (r#""h.io:443/team", "h.io""#, "h.io:443/team"),
        (r#""h.io/team", "h.io:443/team""#, "h.io:443/team"),
    ] {
        let policy = load_policy(&format!(r#"{{"whitelist": [{entries}]}}"#));
        assert_eq!(decide_text(&policy, "h.io/team/x", &[]), format!("{expected} https443!"), "{entries}");
    }
}

#[test]
fn w6_of_several_blocked_addresses_the_first_by_text_is_shown() {
    let policy = load_policy(r#"{"blocked": ["10.0.0.9", "10.0.0.1", "10.0.0.5"], "match_resolved_addresses": true}"#);
    let dns_answers = [forward("h.io", &[])];
    let request = Request { reference: "h.io/x", dns_answers: &dns_answers, ..Request::default() };
    let Decision::Deny(denied) = policy.decide(&request) else { panic!("a name without addresses is denied") };
    assert_eq!(denied.by.map(|by| (by.entry.into_owned(), by.index)), Some(("10.0.0.1".to_owned(), 1)));
    assert_eq!(
        denied.text,
        "access to registry `h.io` is denied: `10.0.0.1` is blocked, and no address of the name is known"
    );
}

#[test]
fn w3_of_two_networks_as_near_the_first_is_shown() {
    let policy = load_policy(r#"{"whitelist": ["10.0.0.2"], "projects": {"p": {"whitelist": ["10.0.0.3"]}}}"#);
    let decide =
        |project| format_decision(policy.decide(&Request { reference: "10.0.0.1/x", project, ..Request::default() }));
    assert_eq!(decide(Some("p")), "deny NeighbouringNetwork 10.0.0.2");
}

#[test]
fn w5_disabled_entries_are_as_if_absent() {
    let policy = load_policy(r#"{"whitelist": [{"entry": "h.io", "enabled": false}]}"#);
    assert_eq!(decide_text(&policy, "h.io/x", &[]), "deny NotWhitelisted");
}

#[test]
fn j1_projects_add_their_lists() {
    let policy = load_policy(
        r#"{"insecure": ["a.io"], "projects": {"p": {"whitelist": ["b.io"]}, "q": {"insecure": ["b.io"]}}}"#,
    );
    let query =
        |project, reference| format_decision(policy.decide(&Request { reference, project, ..Request::default() }));
    assert_eq!(query(None, "c.io/x"), "- https443!");
    assert_eq!(query(Some("p"), "c.io/x"), "deny NotWhitelisted");
    assert_eq!(query(Some("p"), "b.io/x"), "b.io https443!");
    assert_eq!(query(Some("p"), "a.io/x"), "a.io https443 http80");
    assert_eq!(query(Some("q"), "b.io/x"), "b.io https443 http80");
    assert_eq!(query(Some("r"), "b.io/x"), "deny UnknownProject");
    let policy = load_policy("{}");
    assert_eq!(
        format_decision(policy.decide(&Request { reference: "x", project: Some("r"), ..Request::default() })),
        "- https443!"
    );
}

#[test]
fn a_hundred_thousand_namespaces_of_one_registry() {
    let entries: Vec<String> = (0..100_000).map(|number| format!("\"h.io/team{number}\"")).collect();
    let policy = load_policy(&format!(r#"{{"whitelist": [{}]}}"#, entries.join(",")));
    assert_eq!(decide_text(&policy, "h.io/team77777/app", &[]), "h.io/team77777 https443!");
    assert_eq!(decide_text(&policy, "h.io/team/app", &[]), "deny AnotherNamespace h.io/team0");
}
