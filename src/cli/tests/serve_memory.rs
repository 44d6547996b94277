//! `pullgate serve`: the memory that hostile requests take, by the peak of the process (`VmHWM`).

mod common;

use std::fs;
use std::io::Write;
use std::thread;

use common::daemon::{Daemon, TEST_TIMEOUT, talk};
use common::file;
use rcgen::generate_simple_self_signed;

const MIB: u64 = 1 << 20;

/// Returns the peak of the resident memory in bytes.
fn peak(daemon: &Daemon) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.process())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
}

/// Resets the peak to the current value (proc(5), `clear_refs`).
fn reset_peak(daemon: &Daemon) {
    fs::write(format!("/proc/{}/clear_refs", daemon.process()), "5").unwrap();
}

/// Repeats an element up to a length in bytes, with commas.
fn repeated(element: &str, length: usize) -> String {
    vec![element; length / (element.len() + 1)].join(",")
}

/// Returns a review of a kind with an object, of at most the 8 MiB that are read.
fn review(kind: &str, object: &str) -> String {
    let (group, version, kind) = match kind {
        "Pod" => ("", "v1", "Pod"),
        kind => ("example.com", "v1", kind),
    };
    format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","kind":{{"group":"{group}","version":"{version}","kind":"{kind}"}},"operation":"CREATE","object":{object}}}}}"#
    )
}

#[test]
fn review_of_eight_mib_costs_at_most_64_mib() {
    const LENGTH: usize = (8 << 20) - 1_024;
    let identity = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (file("crt", identity.cert.pem()), file("key", identity.signing_key.serialize_pem()));
    let tls = ["--tls-certificate", &certificate, "--tls-key", &key, "--kubernetes-listen", "127.0.0.1:0"];
    let (daemon, line) = Daemon::start_and_see(
        "127.0.0.1:0",
        &[&["--no-dns", "--policy", &file("json", r#"{"whitelist": ["good.example"]}"#)], &tls[..]].concat(),
        "Kubernetes may ask",
    );
    let (_, webhook) = line.split_once("address=").unwrap();
    let members: String = (0..LENGTH / 12).map(|number| format!(r#""{number:07}":1,"#)).collect();
    let names = [r#"{"spec":{"containers":[{"image":""#, r#""}]}}"#];
    for (what, body) in [
        ("containers", review("Pod", &format!(r#"{{"spec":{{"containers":[{}]}}}}"#, repeated("{}", LENGTH)))),
        (
            "volumes",
            review("Pod", &format!(r#"{{"spec":{{"containers":[{{}}],"volumes":[{}]}}}}"#, repeated("{}", LENGTH))),
        ),
        (
            "images",
            review("Thing", &format!(r#"{{"spec":{{"containers":[{}]}}}}"#, repeated(r#"{"image":"a"}"#, LENGTH))),
        ),
        ("members", review("Thing", &format!(r#"{{"spec":{{{members}"containers":[{{"image":"a"}}]}}}}"#))),
        (
            "an image as a list",
            review("Thing", &format!(r#"{{"spec":{{"containers":[{{"image":[{}]}}]}}}}"#, repeated("1", LENGTH))),
        ),
        ("a long name", review("Pod", &format!("{}{}{}", names[0], "a".repeat(LENGTH), names[1]))),
        ("a long name in escapes", review("Pod", &format!("{}{}{}", names[0], "\\u0061".repeat(LENGTH / 6), names[1]))),
        ("a long kind", review(&"k".repeat(LENGTH), "{}")),
        (
            "an image review",
            format!(
                r#"{{"apiVersion":"imagepolicy.k8s.io/v1alpha1","kind":"ImageReview","spec":{{"containers":[{}]}}}}"#,
                repeated(r#"{"image":""}"#, LENGTH)
            ),
        ),
    ] {
        assert!(body.len() > 7 << 20 && body.len() <= 8 << 20, "{what}: {}", body.len());
        let path = if what == "an image review" { "/kubernetes/imagepolicy" } else { "/kubernetes/validate" };
        reset_peak(&daemon);
        let before = peak(&daemon);
        let answer = post_over_tls(webhook.trim_matches('"'), path, &body);
        assert!(answer.contains(r#""allowed":false"#), "{what}: {answer}");
        let cost = peak(&daemon) - before;
        println!("{what}: {} MiB", cost / MIB);
        assert!(cost <= 64 * MIB, "{what}: {} MiB", cost / MIB);
    }
}

/// Posts a body with curl, which verifies no certificate here.
fn post_over_tls(address: &str, path: &str, body: &str) -> String {
    let mut curl = std::process::Command::new("curl")
        .args(["--silent", "--insecure", "--max-time", &TEST_TIMEOUT.as_secs().to_string(), "--data-binary", "@-"])
        .arg(format!("https://{address}{path}"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("curl is installed");
    curl.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    String::from_utf8(curl.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn many_large_questions_stay_within_their_budget() {
    const LENGTH: usize = (2 << 20) - 1_024;
    let daemon = Daemon::start(&["--no-dns", "--policy", &file("json", r#"{"whitelist": ["*.good.example"]}"#)]);
    let values = |length: usize| repeated("\"\"", length);
    let answers = format!(r#"{{"kind":"reverse","subject":"1.2.3.4","answers":[{}]}}"#, values(767));
    let question = format!(r#"{{"reference":"1.2.3.4/x","dnsAnswers":[{}]}}"#, vec![answers; 32].join(","));
    for (what, body) in [
        (
            "an answer too long",
            format!(
                r#"{{"reference":"1.2.3.4/x","dnsAnswers":[{{"kind":"reverse","subject":"1.2.3.4","answers":[{}]}}]}}"#,
                values(LENGTH)
            ),
        ),
        ("an array with DNS answers", format!("[{}]", repeated(&question, LENGTH))),
        ("an array of short questions", format!("[{}]", vec![r#"{"reference":"a"}"#; 10_000].join(","))),
        ("an array too long", format!("[{}]", repeated("{}", LENGTH))),
        ("a long reference", format!(r#"{{"reference":"{}","kind":"registry"}}"#, "\u{fc}".repeat(LENGTH / 2 - 20))),
    ] {
        assert!(body.len() <= 2 << 20, "{what}: {}", body.len());
        reset_peak(&daemon);
        let before = peak(&daemon);
        thread::scope(|scope| {
            for _ in 0..32 {
                scope.spawn(|| {
                    let stream = std::net::TcpStream::connect(&daemon.address).unwrap();
                    let (status, answer) = talk(stream, "POST /v1/decide", &daemon.address, &[], &body);
                    assert!(matches!(status, 200 | 400 | 503), "{what}: {status} {answer}");
                });
            }
        });
        let cost = peak(&daemon).saturating_sub(before);
        println!("{what}: {} MiB", cost / MIB);
        assert!(cost <= 256 * MIB, "{what}: {} MiB", cost / MIB);
    }
}
