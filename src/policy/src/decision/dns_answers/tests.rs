use crate::decision::evaluate::tests::{decide_text, forward, reverse};
use crate::load::load_policy;

/// Decides a request of `h.example`, or of another name, whose addresses are these.
fn with_addresses(document: &str, name: &str, addresses: &[&str]) -> String {
    decide_text(&load_policy(document), &format!("{name}/x"), &[forward(name, addresses)])
}

#[test]
fn m4_name_is_insecure_only_where_each_of_its_addresses_is() {
    let document = r#"{"whitelist": ["10.0.0.0/8"], "insecure": ["10.0.0.1", "10.0.0.2:443", "10.0.0.3:80"],
        "match_resolved_addresses": true}"#;
    for (addresses, expected) in [
        (&["10.0.0.1"][..], "10.0.0.1 https443 http80 at 10.0.0.1"),
        (&["10.0.0.2"], "10.0.0.2:443 https443 at 10.0.0.2"),
        (&["10.0.0.3"], "10.0.0.3:80 https443 http80 at 10.0.0.3"),
        (&["10.0.0.1", "10.0.0.2"], "10.0.0.1 https443 at 10.0.0.1,10.0.0.2"),
        (&["10.0.0.2", "10.0.0.1"], "10.0.0.1 https443 at 10.0.0.1,10.0.0.2"),
        (&["10.0.0.1", "10.0.0.3"], "10.0.0.1 https443 http80 at 10.0.0.1,10.0.0.3"),
        // An insecure entry that does not decide allows all the same.
        (&["10.0.0.1", "10.0.0.9"], "10.0.0.1 https443! at 10.0.0.1,10.0.0.9"),
        (&["10.0.0.1", "192.0.2.1"], "deny NotWhitelisted"),
    ] {
        assert_eq!(with_addresses(document, "h.example", addresses), expected, "{addresses:?}");
    }
}

#[test]
fn t5_name_of_one_built_in_address_is_verified() {
    let document = r#"{"insecure": ["10.0.0.0/8"], "built_in": ["10.1.0.1"], "match_resolved_addresses": true}"#;
    assert_eq!(with_addresses(document, "h.example", &["10.2.0.1"]), "10.0.0.0/8 https443 http80 at 10.2.0.1");
    assert_eq!(with_addresses(document, "h.example", &["10.1.0.1", "10.2.0.1"]), "- https443!");
    assert_eq!(with_addresses(document, "h.example", &["10.2.0.1", "10.1.0.1"]), "- https443!");
    assert_eq!(with_addresses(document, "h.example", &["10.2.0.1", "192.0.2.1"]), "- https443!");
    assert_eq!(with_addresses(document, "h.example", &[]), "- https443!");
}

#[test]
fn t5_insecure_name_is_asked_about_for_built_in_addresses() {
    let document = r#"{"insecure": ["h.example"], "built_in": ["10.1.0.1:443"], "match_resolved_addresses": true}"#;
    let policy = load_policy(document);
    assert_eq!(decide_text(&policy, "h.example/x", &[]), "lookup Forward h.example");
    assert_eq!(decide_text(&policy, "h.example:443/x", &[]), "lookup Forward h.example");
    // The built-in entry is about another port.
    assert_eq!(decide_text(&policy, "h.example:5000/x", &[]), "h.example https5000 http5000");
    assert_eq!(with_addresses(document, "h.example", &["10.1.0.1"]), "- https443!");
    assert_eq!(with_addresses(document, "h.example", &["10.2.0.1"]), "h.example https443 http80 at 10.2.0.1");
    // What is verified anyway needs no answer, and neither does what is built in by its name.
    let secure = document.replace(r#""insecure""#, r#""whitelist""#);
    assert_eq!(decide_text(&load_policy(&secure), "h.example/x", &[]), "h.example https443!");
    let by_name = r#"{"insecure": ["10.0.0.0/8"], "built_in": ["h.example"], "match_resolved_addresses": true}"#;
    assert_eq!(decide_text(&load_policy(by_name), "h.example/x", &[]), "- https443!");
    let without = document.replace("true", "false");
    assert_eq!(decide_text(&load_policy(&without), "h.example/x", &[]), "h.example https443 http80");
}

#[test]
fn w6_name_is_blocked_where_one_of_its_addresses_is() {
    let document = r#"{"whitelist": ["h.example", "docker.io"], "blocked": ["10.9.0.0/16", "10.8.0.1:5000/team"],
        "match_resolved_addresses": true}"#;
    let policy = load_policy(document);
    assert_eq!(decide_text(&policy, "h.example/x", &[]), "lookup Forward h.example");
    assert_eq!(decide_text(&policy, "alpine", &[]), "lookup Forward registry-1.docker.io");
    assert_eq!(with_addresses(document, "h.example", &["10.1.0.1"]), "h.example https443! at 10.1.0.1");
    for addresses in [&["10.9.0.1"][..], &["10.1.0.1", "10.9.0.1"], &["10.9.0.1", "10.1.0.1"], &[], &["nonsense"]] {
        assert_eq!(with_addresses(document, "h.example", addresses), "deny Blocked", "{addresses:?}");
    }
    // Nothing is asked about what no entry allows, what is blocked by its name, or an address.
    assert_eq!(decide_text(&policy, "other.example/x", &[]), "deny NotWhitelisted");
    assert_eq!(decide_text(&policy, "10.9.0.1/x", &[]), "deny Blocked");
    let by_name = document.replace("10.9.0.0/16", "h.example");
    assert_eq!(decide_text(&load_policy(&by_name), "h.example/x", &[]), "deny Blocked");
    let without = document.replace("true", "false");
    assert_eq!(decide_text(&load_policy(&without), "h.example/x", &[]), "h.example https443!");
    // A blocked wildcard covers no address, so that the names of one are not asked for.
    let wildcard = r#"{"whitelist": ["10.0.0.0/8"], "blocked": ["*.example"], "match_resolved_addresses": true}"#;
    assert_eq!(decide_text(&load_policy(wildcard), "10.1.0.1/x", &[]), "10.0.0.0/8 https443!");
}

#[test]
fn w6_port_and_namespace_of_a_blocked_address_limit_what_is_asked() {
    let document =
        r#"{"whitelist": ["h.example"], "blocked": ["10.8.0.1:5000/team"], "match_resolved_addresses": true}"#;
    let policy = load_policy(document);
    for (reference, expected) in [
        ("h.example/team/app", "h.example https443!"),
        ("h.example:5000/other", "h.example https5000!"),
        ("h.example:5000/team/app", "lookup Forward h.example"),
    ] {
        assert_eq!(decide_text(&policy, reference, &[]), expected, "{reference}");
    }
    let answer = [forward("h.example", &["10.8.0.1"])];
    assert_eq!(decide_text(&policy, "h.example:5000/team/app", &answer), "deny Blocked");
    let answer = [forward("h.example", &["10.8.0.2"])];
    assert_eq!(decide_text(&policy, "h.example:5000/team/app", &answer), "h.example https5000! at 10.8.0.2");
}

#[test]
fn m5_most_specific_of_the_names_of_an_address_decides() {
    let policy =
        load_policy(r#"{"whitelist": ["*.corp.io", "*.b.corp.io"], "insecure": ["*.a.corp.io:443", "*.b.corp.io"]}"#);
    let decide = |names: &[&str]| {
        let mut answers = vec![reverse("10.0.0.1", names)];
        answers.extend(names.iter().map(|name| forward(name, &["10.0.0.1"])));
        decide_text(&policy, "10.0.0.1/x", &answers)
    };
    assert_eq!(decide(&["x.corp.io"]), "*.corp.io https443!");
    assert_eq!(decide(&["x.a.corp.io"]), "*.a.corp.io:443 https443");
    assert_eq!(decide(&["x.b.corp.io"]), "*.b.corp.io https443 http80");
    for names in [&["x.corp.io", "x.a.corp.io"][..], &["x.a.corp.io", "x.corp.io"]] {
        assert_eq!(decide(names), "*.a.corp.io:443 https443", "{names:?}");
    }
    assert_eq!(decide(&["x.corp.io", "x.b.corp.io"]), "*.b.corp.io https443 http80");
}

#[test]
fn m5_most_specific_of_verified_names_is_shown() {
    let policy = load_policy(r#"{"whitelist": ["*.corp.io", "*.b.corp.io"]}"#);
    let mut answers = vec![reverse("10.0.0.1", &["x.corp.io", "y.b.corp.io"]), forward("x.corp.io", &["10.0.0.1"])];
    assert_eq!(decide_text(&policy, "10.0.0.1/x", &answers), "lookup Forward y.b.corp.io");
    answers.push(forward("y.b.corp.io", &["10.0.0.1"]));
    assert_eq!(decide_text(&policy, "10.0.0.1/x", &answers), "*.b.corp.io https443!");
}

#[test]
fn t3_name_that_adds_plain_http_is_asked_about() {
    let policy = load_policy(r#"{"insecure": ["*.aa.io:443", "*.bb.io:80"]}"#);
    let mut answers = vec![reverse("10.0.0.1", &["x.aa.io", "y.bb.io"]), forward("x.aa.io", &["10.0.0.1"])];
    assert_eq!(decide_text(&policy, "10.0.0.1/x", &answers), "lookup Forward y.bb.io");
    // Beside a port of the reference, port 80 is nothing to ask about.
    assert_eq!(decide_text(&policy, "10.0.0.1:443/x", &answers), "*.aa.io:443 https443");
    answers.push(forward("y.bb.io", &["10.0.0.1"]));
    assert_eq!(decide_text(&policy, "10.0.0.1/x", &answers), "*.aa.io:443 https443 http80");
}

#[test]
fn m6_name_that_changes_nothing_is_not_asked_about() {
    let policy = load_policy(r#"{"whitelist": ["*.corp.io"], "insecure": ["*.labs.io"]}"#);
    let names = reverse("10.0.0.1", &["a.corp.io", "b.corp.io", "c.labs.io", "d.other.io"]);
    assert_eq!(
        decide_text(&policy, "10.0.0.1/x", std::slice::from_ref(&names)),
        "lookup Forward a.corp.io Forward b.corp.io Forward c.labs.io"
    );
    let confirmed = [names.clone(), forward("a.corp.io", &["10.0.0.1"])];
    assert_eq!(decide_text(&policy, "10.0.0.1/x", &confirmed), "lookup Forward c.labs.io");
    let all = [names, forward("a.corp.io", &["10.0.0.1"]), forward("c.labs.io", &["10.0.0.2"])];
    assert_eq!(decide_text(&policy, "10.0.0.1/x", &all), "*.corp.io https443!");
}
