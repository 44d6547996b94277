//! The expressions in an interpreter of CEL, decision by decision.

use std::sync::Arc;

use cel::extensions::strings;
use cel::{Context, Env, Value};
use proptest::prelude::*;

use crate::decisions::{PolicyContext, RegistryAccess};
use crate::kubernetes::cel::variables;
use crate::tests::with_policy;

/// References beyond those of a registry and a repository, valid or not.
const REFERENCES: [&str; 62] = [
    "alpine",
    "alpine:3",
    "library/alpine",
    "team/app",
    "team/app:1@sha256:0000000000000000000000000000000000000000000000000000000000000000",
    "docker.io/alpine",
    "index.docker.io/alpine",
    "registry-1.docker.io/alpine",
    "registry-1.docker.io/library/alpine",
    "registry.hub.docker.com/library/alpine",
    "docker.io:443/library/alpine",
    "docker.io:0443/library/alpine",
    "docker.io:5000/library/alpine",
    "A.example.com/x",
    "a.example.com:00443/x",
    "a.example.com:5000/team/x:1",
    "a.example.com:65535/x",
    "a.example.com:65536/x",
    "a.example.com:0/x",
    "a.example.com:/x",
    "a.example.com:99999999999999999999/x",
    "a.example.com/team",
    "a.example.com/team2/x",
    "a.example.com/team/x/y@sha256:0",
    "a.example.com/team/x@sha512:0",
    "a.example.com./x",
    "a..example.com/x",
    "-a.example.com/x",
    "a-.example.com/x",
    "a_b.example.com/x",
    "xn--mnchen-3ya.example.com/x",
    "x.y.example.com/x",
    "example.com/x",
    "notexample.com/x",
    "localhost/x",
    "localhost:5000/x",
    "LOCALHOST/x",
    "host/x",
    "host:5000/x",
    "10.0.0.1/x",
    "10.0.0.1:5000/x",
    "10.0.0.4/x",
    "10.0.0.010/x",
    "10.0.0.256/x",
    "10.0.0/x",
    "256.1.1.1/x",
    "1.2.3.4.5/x",
    "a.0x7f/x",
    "127.0.0.1:5000/x",
    "[2001:db8::1]/x",
    "[2001:db8::1]:5000/x",
    "[2001:DB8::1]/x",
    "[::ffff:10.0.0.1]/x",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "Alpine",
    "a.example.com/Team",
    "a.example.com/x:",
    "a.example.com/x y",
    "https://a.example.com/x",
    "",
    "/x",
    "a.example.com/",
];

/// Evaluates the variables for images. Returns those that are denied.
fn denied(policy: &PolicyContext<'_>, images: &[String]) -> Vec<String> {
    let mut env = Env::stdlib();
    env.add_extension(strings).unwrap();
    let env = Arc::new(env);
    let mut values: std::collections::HashMap<String, Value> = std::collections::HashMap::new();
    let images: Vec<Value> = images.iter().map(|image| Value::String(Arc::new(image.clone()))).collect();
    values.insert("images".to_owned(), Value::List(Arc::new(images)));
    for (name, expression) in variables(policy.view) {
        let program = env.compile(&expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
        let mut context = Context::with_env(env.clone());
        context.add_variable_from_value("variables", Value::from(values.clone()));
        let value = program.execute(&context).unwrap_or_else(|error| panic!("{name}: {expression}: {error}"));
        values.insert(name.to_owned(), value);
    }
    let Value::List(denied) = &values["denied"] else { panic!("a list") };
    denied
        .iter()
        .map(|image| if let Value::String(image) = image { image.to_string() } else { panic!("a text") })
        .collect()
}

/// Requires that no image is allowed which the policy denies, and none denied which it allows unless `may_deny`.
fn check(policy: &PolicyContext<'_>, may_deny: impl Fn(&str) -> bool) -> Result<(), TestCaseError> {
    let references: Vec<String> =
        REFERENCES.iter().map(|text| (*text).to_owned()).chain(crate::tests::round_trips::references()).collect();
    let denied = denied(policy, &references);
    for reference in &references {
        let access = policy.image_access(reference);
        let is_allowed = !denied.contains(reference);
        // DNS decides about the transport only, where the mode is off or where a built-in registry may be meant.
        let is_of_transport = !policy.view.is_whitelist_mode() || !policy.view.built_in.is_empty();
        let may_allow = access.is_allowed() || access == RegistryAccess::DependsOnDns && is_of_transport;
        prop_assert!(may_allow || !is_allowed, "`{}` is allowed", reference);
        prop_assert!(!access.is_allowed() || is_allowed || may_deny(reference), "`{}` is denied", reference);
    }
    Ok(())
}

#[test]
fn expressions_decide_as_the_policy_does() {
    let policy = r#"{
        "whitelist": ["docker.io/library", "a.example.com/team", "*.example.net:443", "10.0.0.0/30", "host:5000",
                      "x.*.example.com", "[2001:db8::1]:5000", "c.example.com:80"],
        "insecure": ["10.0.0.4", "http://d.example.com", "localhost:5000"],
        "blocked": ["10.0.0.2", "docker.io/library/x", "b.example.net"]
    }"#;
    with_policy(policy, |policy| check(&policy, |reference| reference.contains("xn--") || reference.contains("DB8")))
        .unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn expressions_are_never_wider(json in crate::tests::round_trips::policies()) {
        with_policy(&json, |policy| {
            if crate::blocked::unrefusable(policy.view, false).is_some() {
                return Ok(());
            }
            check(&policy, |reference| {
                reference.contains("xn--") || reference.starts_with('[') || !policy.view.blocked.is_empty()
            })
        })?;
    }
}
