use crate::decision::evaluate::tests::{forward, reverse};
use crate::decision::{DnsAnswer, ReferenceKind, Request};
use crate::load::load_policy;
use crate::policy::Policy;

/// Explains a request, a line for each step: its kind, whether the entry covers the reference, and the text.
fn explain_request(policy: &Policy, request: &Request<'_>) -> Vec<String> {
    let line = |kind: &str, matches: Option<bool>, text: &str| match matches {
        Some(true) => format!("{kind} + {text}"),
        Some(false) => format!("{kind} - {text}"),
        None => format!("{kind} {text}"),
    };
    let steps = policy.explain(request).steps;
    steps.iter().map(|step| line(step.kind.as_str(), step.matches, &step.text)).collect()
}

fn explain_text(document: &str, reference: &str, dns_answers: &[DnsAnswer]) -> Vec<String> {
    explain_request(&load_policy(document), &Request { reference, dns_answers, ..Request::default() })
}

/// Returns the steps about single entries.
fn entry_steps(document: &str, reference: &str, dns_answers: &[DnsAnswer]) -> Vec<String> {
    let steps = explain_text(document, reference, dns_answers);
    let steps = steps.iter().filter_map(|step| step.strip_prefix("entry "));
    steps.filter(|step| step.starts_with(['+', '-'])).map(str::to_owned).collect()
}

#[test]
fn d3_steps_of_an_allowed_image() {
    let document = r#"{"whitelist": ["h.example", "other.example", "h.example/team"], "insecure": ["10.0.0.0/8"]}"#;
    let digest = format!("sha256:{}", "a".repeat(64));
    assert_eq!(
        explain_text(document, &format!("h.example/x:1@{digest}"), &[]),
        [
            &format!("reference repository `x` on registry `h.example`, tag `1`, digest `{digest}`"),
            "mode whitelist mode is on: only what an entry covers is allowed",
            "entry + it is the same name",
            "entry - it is another name",
            "entry - it is the same name, but it covers repositories in `team` only",
            "entry - addresses do not cover names, since `match_resolved_addresses` is not set",
            "transport no insecure entry decides it: HTTPS on port 443 with the certificate verified",
            "authorities the certificate must be from a well-known authority",
            "outcome allowed by `h.example` (whitelist[0])"
        ]
    );
    assert_eq!(
        explain_text(document, "10.0.0.1:5000/x", &[]),
        [
            "reference repository `x` on registry `10.0.0.1:5000`",
            "mode whitelist mode is on: only what an entry covers is allowed",
            "entry - an exact name never covers an address",
            "entry - an exact name never covers an address",
            "entry - an exact name never covers an address",
            "entry + the address is inside",
            "transport `10.0.0.0/8` (insecure[0]) is insecure: HTTPS on port 5000 without verification, then plain \
             HTTP on port 5000",
            "outcome allowed by `10.0.0.0/8` (insecure[0])"
        ]
    );
    assert_eq!(
        explain_text(document, "alpine", &[]),
        [
            "reference repository `library/alpine` on registry `docker.io`, which is Docker Hub",
            "mode whitelist mode is on: only what an entry covers is allowed",
            "entry - it is not Docker Hub",
            "entry - it is not Docker Hub",
            "entry - it is not Docker Hub",
            "entry - addresses do not cover names, since `match_resolved_addresses` is not set",
            "outcome denied: access to registry `docker.io` is denied: no entry of the whitelist covers it"
        ]
    );
    assert_eq!(
        explain_text("{}", "h.example/x", &[]),
        [
            "reference repository `x` on registry `h.example`",
            "mode whitelist mode is off: every registry is allowed, and entries decide the transport only",
            "transport no insecure entry decides it: HTTPS on port 443 with the certificate verified",
            "authorities the certificate must be from a well-known authority",
            "outcome allowed, as every registry is while whitelist mode is off"
        ]
    );
    assert_eq!(
        explain_text("{}", "not a reference", &[]),
        ["outcome denied: `not a reference` cannot be read as a reference: there is a blank inside: a \
             reference has none"]
    );
}

#[test]
fn d3_steps_of_a_login_and_of_projects() {
    let policy = load_policy(
        r#"{"whitelist": ["h.example"], "blocked": ["h.example/team"],
            "projects": {"p": {"whitelist": ["p.example"]}}, "unlisted_projects": "global"}"#,
    );
    let explain = |reference, kind, project| {
        explain_request(&policy, &Request { reference, kind, project, ..Request::default() })
    };
    assert_eq!(
        explain("h.example", ReferenceKind::Registry, None),
        [
            "reference registry `h.example`",
            "mode whitelist mode is on: only what an entry covers is allowed",
            "entry - it is the same name, but it blocks repositories in `team` only, and a login names none",
            "entry + it is the same name",
            "transport no insecure entry decides it: HTTPS on port 443 with the certificate verified",
            "authorities the certificate must be from a well-known authority",
            "outcome allowed by `h.example` (whitelist[0])"
        ]
    );
    assert_eq!(
        explain("h.example/team/x", ReferenceKind::Image, None),
        [
            "reference repository `team/x` on registry `h.example`",
            "mode whitelist mode is on: only what an entry covers is allowed",
            "entry + it is the same name",
            "entry + it is the same name",
            "outcome denied: access to registry `h.example` is denied: `h.example/team` is blocked"
        ]
    );
    assert_eq!(
        explain("p.example/x", ReferenceKind::Image, Some("p")),
        [
            "reference repository `x` on registry `p.example`",
            "mode whitelist mode is on for project `p`: only what an entry covers is allowed",
            "entry - it is another name",
            "entry - it is another name",
            "entry + it is the same name",
            "transport no insecure entry decides it: HTTPS on port 443 with the certificate verified",
            "authorities the certificate must be from a well-known authority",
            "outcome allowed by `p.example` (whitelist[0] of project `p`)"
        ]
    );
    assert_eq!(
        explain("p.example/x", ReferenceKind::Image, Some("q")),
        [
            "reference repository `x` on registry `p.example`",
            "mode whitelist mode is on for project `q`, which the policy does not list, so that the \
             global lists decide: only what an entry covers is allowed",
            "entry - it is another name",
            "entry - it is another name",
            "outcome denied: access to registry `p.example` is denied: no entry of the whitelist covers it"
        ]
    );
}

#[test]
fn d3_verified_inside_an_insecure_network() {
    let document = r#"{"insecure": ["10.0.0.0/8"], "whitelist": ["10.0.0.1"], "built_in": ["10.0.0.2"]}"#;
    assert_eq!(
        explain_text(document, "10.0.0.1/x", &[]),
        [
            "reference repository `x` on registry `10.0.0.1`",
            "mode whitelist mode is on: only what an entry covers is allowed",
            "entry + it is the same address",
            "entry + the address is inside",
            "entry - it is another address",
            "transport no insecure entry decides it: HTTPS on port 443 with the certificate verified",
            "authorities the certificate must be from a well-known authority",
            "outcome allowed by `10.0.0.1` (whitelist[0])"
        ]
    );
    assert_eq!(
        explain_text(document, "10.0.0.2/x", &[]),
        [
            "reference repository `x` on registry `10.0.0.2`",
            "mode whitelist mode is on: only what an entry covers is allowed",
            "entry - it is another address",
            "entry + the address is inside",
            "entry + it is the same address",
            "transport a more specific entry, or a registry of the product, keeps it \
             verified: HTTPS on port 443 with the certificate verified",
            "authorities the certificate must be from a well-known authority",
            "outcome allowed by `10.0.0.0/8` (insecure[0])"
        ]
    );
}

#[test]
fn d3_reason_of_every_kind_of_entry() {
    let by_address = "- addresses do not cover names, since `match_resolved_addresses` is not set";
    for (entry, reference, expected) in [
        ("h.example", "h.example/x", "+ it is the same name"),
        ("h.example", "other.example/x", "- it is another name"),
        ("h.example", "10.0.0.1/x", "- an exact name never covers an address"),
        ("h.example", "alpine", "- it is not Docker Hub"),
        ("h.example:5000", "h.example/x", "- it is the same name, but it covers port 5000 only"),
        ("h.example:5000", "h.example:5000/x", "+ it is the same name"),
        ("h.example/team", "h.example/x", "- it is the same name, but it covers repositories in `team` only"),
        ("h.example/team", "h.example/team/x", "+ it is the same name"),
        ("*.example", "h.example/x", "+ the name is below `example`"),
        ("*.h.example", "h.example/x", "- `h.example` itself is not below `h.example`"),
        ("*.h.example", "xh.example/x", "- the name is not below `h.example`"),
        ("*.example", "10.0.0.1/x", "- that would depend on the names of 10.0.0.1"),
        ("*.example", "alpine", "- it is not Docker Hub"),
        ("*.docker.io", "alpine", "+ Docker Hub's `registry-1.docker.io` is below `docker.io`"),
        ("h*.corp.example", "h1.corp.example/x", "+ the name matches, label by label"),
        ("h*.corp.example", "x.corp.example/x", "- the name does not match"),
        ("h*.corp.example", "10.0.0.1/x", "- a pattern never covers an address"),
        ("h*.corp.example", "alpine", "- a pattern never covers Docker Hub"),
        ("docker.io", "alpine", "+ it is Docker Hub"),
        ("docker.io", "docker.io:5000/x", "- it is Docker Hub, which is on port 443 only"),
        ("10.0.0.1", "10.0.0.1/x", "+ it is the same address"),
        ("10.0.0.1", "10.0.0.2/x", "- it is another address"),
        ("10.0.0.0/24", "10.0.0.2/x", "+ the address is inside"),
        ("10.0.0.0/24", "10.0.1.1/x", "- the address is outside"),
        ("2001:db8::/32", "[2001:db8::1]/x", "+ the address is inside"),
        ("10.0.0.1", "h.example/x", by_address),
        ("10.0.0.0/8", "alpine", by_address),
    ] {
        let document = format!(r#"{{"whitelist": ["{entry}"]}}"#);
        assert_eq!(entry_steps(&document, reference, &[]), [expected], "{entry} {reference}");
    }
    let blocked = r#"{"blocked": ["*.example"]}"#;
    assert_eq!(entry_steps(blocked, "10.0.0.1/x", &[]), ["- a blocked wildcard does not cover addresses"]);
}

#[test]
fn d3_reason_of_entries_by_the_addresses_of_a_name() {
    let document = r#"{"whitelist": ["10.0.0.0/8", "192.0.2.1"], "built_in": ["10.0.0.1"], "blocked": ["10.0.0.9"],
        "match_resolved_addresses": true}"#;
    let unasked = "- that depends on the addresses of `h.test`";
    let unknown = "+ `h.test` has no address that is known, so that it may have a blocked one";
    let (every, none) = ("+ every address of `h.test` is covered", "- no address of `h.test` is covered");
    let (empty, one) = ("- `h.test` has no address", "+ 1 of the 2 addresses of `h.test` are covered");
    let together = "+ 1 of the 2 addresses of `h.test` are covered, and other entries cover the rest";
    let too_few = "- 1 of the 2 addresses of `h.test` are covered, and all must be by some entry";
    assert_eq!(entry_steps(document, "h.test/x", &[]), [unasked; 4]);
    for (addresses, expected) in [
        (&[][..], [unknown, empty, empty, empty]),
        (&["10.0.0.1"], [none, every, none, every]),
        (&["10.0.0.1", "10.0.0.2"], [none, every, none, one]),
        (&["10.0.0.1", "192.0.2.2"], [none, too_few, none, one]),
        (&["10.0.0.1", "192.0.2.1"], [none, together, together, one]),
        (&["10.0.0.9", "10.0.0.1"], [one, every, none, one]),
    ] {
        assert_eq!(entry_steps(document, "h.test/x", &[forward("h.test", addresses)]), expected, "{addresses:?}");
    }
}

#[test]
fn d3_reason_of_wildcards_by_the_names_of_an_address() {
    let document = r#"{"whitelist": ["*.example"]}"#;
    let names = reverse("10.0.0.1", &["a.example", "b.example"]);
    for (answers, expected) in [
        (vec![], "- that would depend on the names of 10.0.0.1"),
        (vec![reverse("10.0.0.1", &["a.test"])], "- no name of 10.0.0.1 is below `example`"),
        (
            vec![names.clone(), forward("b.example", &["10.0.0.1"])],
            "+ 10.0.0.1 is `b.example`, and that name resolves back to it",
        ),
        (
            vec![names, forward("b.example", &["10.0.0.2"])],
            "- 10.0.0.1 calls itself `a.example`, which was not confirmed by that name's addresses",
        ),
    ] {
        assert_eq!(entry_steps(document, "10.0.0.1/x", &answers), [expected], "{answers:?}");
    }
}

#[test]
fn d3_outcomes_that_depend_on_dns() {
    let document = r#"{"whitelist": ["10.0.0.0/8", "*.example"], "match_resolved_addresses": true}"#;
    assert_eq!(
        explain_text(document, "h.test/x", &[]),
        [
            "reference repository `x` on registry `h.test`",
            "mode whitelist mode is on: only what an entry covers is allowed",
            "entry - that depends on the addresses of `h.test`",
            "entry - the name is not below `example`",
            "outcome undecided until DNS was asked for the addresses of `h.test`"
        ]
    );
    assert_eq!(
        explain_text(document, "h.test/x", &[forward("h.test", &["10.0.0.1", "10.0.0.2"])]),
        [
            "reference repository `x` on registry `h.test`",
            "mode whitelist mode is on: only what an entry covers is allowed",
            "entry + every address of `h.test` is covered",
            "entry - the name is not below `example`",
            "dns the addresses of `h.test` are 10.0.0.1, 10.0.0.2",
            "transport no insecure entry decides it: HTTPS on port 443 with the certificate verified",
            "authorities the certificate must be from a well-known authority",
            "dns only these addresses may be connected to: 10.0.0.1, 10.0.0.2",
            "outcome allowed by `10.0.0.0/8` (whitelist[0])"
        ]
    );
    assert_eq!(
        explain_text(document, "h.test/x", &[forward("h.test", &[])]),
        [
            "reference repository `x` on registry `h.test`",
            "mode whitelist mode is on: only what an entry covers is allowed",
            "entry - `h.test` has no address",
            "entry - the name is not below `example`",
            "dns `h.test` has no addresses, or none that could be had",
            "outcome denied: access to registry `h.test` is denied: no entry of the whitelist covers it"
        ]
    );
    assert_eq!(
        explain_text(document, "192.0.2.1/x", &[]),
        [
            "reference repository `x` on registry `192.0.2.1`",
            "mode whitelist mode is on: only what an entry covers is allowed",
            "entry - the address is outside",
            "entry - that would depend on the names of 192.0.2.1",
            "outcome undecided until DNS was asked for the names of 192.0.2.1"
        ]
    );
    assert_eq!(
        explain_text(document, "192.0.2.1/x", &[reverse("192.0.2.1", &["a.example", "b.example"])]),
        [
            "reference repository `x` on registry `192.0.2.1`",
            "mode whitelist mode is on: only what an entry covers is allowed",
            "entry - the address is outside",
            "entry - 192.0.2.1 calls itself `a.example`, which was not confirmed by that name's addresses",
            "dns the names of `192.0.2.1` are a.example, b.example",
            "outcome undecided until DNS was asked for the addresses of `a.example` and the addresses of `b.example`"
        ]
    );
}

#[test]
fn d3_entries_beyond_the_maximum_are_counted() {
    let document = |count: usize| {
        let entries: Vec<String> = (0..count).map(|number| format!("\"h{number}.example\"")).collect();
        format!(r#"{{"whitelist": ["x.example", {}, "x.example"]}}"#, entries.join(","))
    };
    for (count, hidden) in
        [(100, None), (101, Some("1 more entries do not cover it")), (250, Some("150 more entries do not cover it"))]
    {
        let steps = explain_text(&document(count), "x.example/y", &[]);
        let steps: Vec<&str> = steps.iter().filter_map(|step| step.strip_prefix("entry ")).collect();
        assert_eq!(steps.iter().filter(|step| step.starts_with('-')).count(), 100, "{count}");
        assert_eq!(steps.iter().filter(|step| step.starts_with('+')).count(), 2, "{count}");
        assert_eq!(steps.iter().find(|step| !step.starts_with(['-', '+'])).copied(), hidden);
    }
}
