//! `pullgate compare` and `pullgate narrow`, on the first worked example of the documentation.

mod common;

use common::{ProgramRun, file, run, run_with};
use serde_json::{Value, json};

const EXAMPLE_POLICY: &str = include_str!("../../../docs/examples/worked-example-1.json");

/// The example with a change, against itself.
fn changed(change: impl Fn(&mut Value), options: &[&str]) -> ProgramRun {
    let mut document: Value = serde_json::from_str(EXAMPLE_POLICY).unwrap();
    change(&mut document);
    let (old, new) = (file("json", EXAMPLE_POLICY), file("json", document.to_string()));
    run(&[&["compare", &old, &new], options].concat())
}

#[test]
fn reordered_policy_means_the_same() {
    let ran = changed(|document| document["insecure"].as_array_mut().unwrap().reverse(), &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "same meaning: every request is decided as before\n"));
}

#[test]
fn a_wider_network_is_what_it_adds() {
    let ran = changed(|document| document["insecure"][0] = json!("10.2.2.0/23"), &[]);
    assert_eq!(ran.code, Some(2));
    ran.says(&[
        "newly allowed\n",
        "  + `10.2.3.0/24` on any port, without verification",
        "such as 10.2.3.1/app where 10.2.3.1 has no name: denied -> unverified HTTPS on 443, then plain HTTP on 80\n",
        "no longer depending on DNS\n  ~ `10.2.3.0/24` on any port\n",
        "\nwider: ",
    ]);
}

#[test]
fn whitelist_mode_off_is_said_first() {
    let off = |document: &mut Value| {
        document.as_object_mut().unwrap().remove("whitelist");
    };
    let ran = changed(off, &[]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stdout.starts_with("+ whitelist mode is turned OFF: "), "{ran:?}");
    ran.says(&[
        "newly allowed\n  + Docker Hub\n",
        "  + every name but `*.example.com` on any port\n",
        "  + every IPv4 address but `10.2.2.0/24`, `10.2.40.40`, `192.168.100.207` on any port",
        "  + every IPv6 address on any port",
        "\nwider: ",
    ]);
}

#[test]
fn an_insecure_designation_that_goes_denies() {
    let remove = |document: &mut Value| {
        document["insecure"].as_array_mut().unwrap().pop();
    };
    let ran = changed(remove, &[]);
    assert_eq!(ran.code, Some(1));
    ran.says(&[
        "newly denied\n  - `192.168.100.207` on any port",
        "such as 192.168.100.207/app where 192.168.100.207 has no name: unverified HTTPS on 443, then plain HTTP on 80 -> denied\n",
        "\nnot wider: ",
    ]);
    let ran = changed(remove, &["--json"]);
    let comparison = &ran.json()[0];
    assert_eq!((ran.code, &comparison["verdict"]), (Some(1), &json!("not-wider")));
    assert_eq!(comparison["regions"][0]["hosts"], json!(["192.168.100.207"]));
}

#[test]
fn unreadable_policy_is_exit_code_3() {
    let (good, bad) = (file("json", EXAMPLE_POLICY), file("toml", "whitelist = [\"h r\"]\n"));
    for pair in [[&good, &bad], [&bad, &good]] {
        let ran = run(&["compare", pair[0], pair[1]]);
        assert_eq!(ran.code, Some(3));
        ran.complains(&["error[", " does not load"]);
    }
    assert_eq!(run(&["compare", &good, "/nowhere/policy.json"]).code, Some(3));
    assert_eq!(run(&["compare", "-", "-"]).code, Some(3));
    let ran = run_with(&["compare", "-", &good], EXAMPLE_POLICY);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn wrong_usage_is_3_too() {
    let good = file("json", EXAMPLE_POLICY);
    for arguments in [&["compare", &*good] as &[&str], &["compare", "--jsn", &good, &good], &["compare"]] {
        let ran = run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{arguments:?}");
        ran.complains(&["error: ", "Usage: pullgate compare"]);
    }
    let help = run(&["compare", "--help"]);
    assert_eq!(help.code, Some(0), "{help:?}");
    help.says(&["Usage: pullgate compare"]);
    // Of the others it is 2, also where they are not known.
    for arguments in [&["narrow", &*good] as &[&str], &["compar", &good, &good], &["--compare"], &[]] {
        assert_eq!(run(arguments).code, Some(2), "{arguments:?}");
    }
}

#[test]
fn a_policy_is_narrowed_or_says_why_not() {
    let policy = file("toml", "whitelist = [\"10.0.0.0/8\", \"h.test:443\"]\n");
    let ran = run(&["narrow", &policy, &file("json", r#"{"whitelist": ["10.1.0.0/16"]}"#)]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "{\"whitelist\":[\"10.1.0.0/16\"]}\n"));
    let ran = run(&["narrow", &policy, &file("json", r#"{"whitelist": ["10.1.0.0/16", "h.test"]}"#)]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    ran.complains(&[
        "refused: `h.test`, whitelist[1] of the remote list",
        "h.test:5000/app: denied -> verified HTTPS on 5000",
    ]);
    assert_eq!(run(&["narrow", &policy, &file("json", "[]")]).code, Some(2));
}
