//! The tests of `pullgate check`.

mod common;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::{file, program, run, run_with};
use serde_json::{Value, json};

/// Returns the codes of the findings, without those about the CA of a registry (rule C2), which any whitelist has.
fn codes(report: &Value) -> Vec<&str> {
    let codes = report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap());
    codes.filter(|code| !code.starts_with("authority-")).collect()
}

#[test]
fn a_policy_without_errors_loads() {
    let policy = r#"{"whitelist": ["docker.io", "harbor.corp.local"], "insecure": []}"#;
    let path = file("json", policy);
    let ran = run(&["check", &path]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.says(&[&path, " loads"]);
    let ran = run(&["check", "--json", &path]);
    assert_eq!((ran.code, codes(&ran.json()[0])), (Some(0), vec![]));
    let canonical = pullgate::check_policy(policy, 0).canonical.unwrap();
    assert_eq!(ran.json()[0]["canonical"], canonical);
}

#[test]
fn control_characters_of_a_policy_do_not_reach_the_terminal() {
    let path = file("toml", "whitelist = [\"\u{9b}31m\u{85}\u{200f}\u{200b}\", \"10.2.2.1/24\"]\n");
    let ran = run(&["check", &path]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(!ran.stdout.contains(['\u{9b}', '\u{85}', '\u{200f}', '\u{200b}']), "{ran:?}");
    // The caret is at the span, in spite of the replaced characters.
    let shown = "whitelist = [\"\u{fffd}31m\u{fffd}\u{fffd}\u{fffd}\", \"10.2.2.1/24\"]";
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let at = lines.iter().rposition(|line| line.contains(shown)).unwrap_or_else(|| panic!("{ran:?}"));
    let column = |line: &str, text: &str| line[..line.find(text).unwrap()].chars().count();
    assert_eq!(column(lines[at + 1], "^"), column(lines[at], "10.2"), "{ran:?}");
}

#[test]
fn findings_show_the_line_the_place_and_the_fix() {
    let path = file("toml", "# registries\nwhitelist = [\n  \"docker.io\",\n  \"10.2.2.1/24\",\n  \"harbor.*\",\n]\n");
    let ran = run(&["check", &path]);
    assert_eq!(ran.code, Some(1));
    let (line_4, line_5) = (format!("--> {path}:4:4"), format!("--> {path}:5:4"));
    ran.says(&[
        "info[network-host-bits]: ",
        &line_4,
        "4 |   \"10.2.2.1/24\",\n",
        "^^^^^^^^^^^\n",
        "help: write `10.2.2.0/24` in its place",
        "error[wildcard-invalid]: ",
        &line_5,
        "5 |   \"harbor.*\",\n",
        "^",
        " does not load: 1 error, 1 info\n",
    ]);
}

#[test]
fn ranges_refer_to_the_text_that_was_given() {
    let entry = "10.2.2.1/24";
    for (extension, text) in [
        ("json", format!("{{\"whitelist\": [\"docker.io\", {{\"comment\": \"é😀\", \"entry\": \"{entry}\"}}]}}")),
        ("toml", format!("# é😀\r\nwhitelist = [\"docker.io\", \"{entry}\"]\r\n")),
    ] {
        let ran = run(&["check", "--json", &file(extension, &text)]);
        let report = &ran.json()[0];
        assert_eq!((ran.code, codes(report)), (Some(0), vec!["network-host-bits"]), "{ran:?}");
        let mut findings = report["findings"].as_array().unwrap().iter();
        let range = &findings.find(|finding| finding["code"] == "network-host-bits").unwrap()["range"];
        let offset = |name: &str| usize::try_from(range[name].as_u64().unwrap()).unwrap();
        assert_eq!(&text[offset("start")..offset("end")], entry);
        let utf16: Vec<u16> = text.encode_utf16().collect();
        assert_eq!(String::from_utf16(&utf16[offset("startUtf16")..offset("endUtf16")]).unwrap(), entry);
        assert!(report.to_string().contains("\"path\":\"/whitelist/1"));
        assert!(report["canonical"].as_str().unwrap().contains("10.2.2.0/24"));
    }
}

#[test]
fn standard_input_is_json_or_toml() {
    for text in [
        r#" {"whitelist": ["docker.io"]}"#,
        "\u{feff}{\"whitelist\": [\"docker.io\"]}",
        "whitelist = ['docker.io']\r\n",
    ] {
        let ran = run_with(&["check", "-"], text);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.says(&["standard input loads"]);
    }
    let ran = run_with(&["check", "-"], "");
    assert_eq!(ran.code, Some(1));
    ran.says(&["error[json-syntax]"]);
}

#[test]
fn syntax_errors_of_json_and_toml_are_shown_with_their_place() {
    let path = file("json", "{\n  \"whitelist\": [\"docker.io\" \"x\"]\n}\n");
    let ran = run(&["check", &path]);
    assert_eq!(ran.code, Some(1));
    ran.says(&["error[json-syntax]", &format!("{path}:2:29"), "^"]);

    let path = file("toml", "whitelist = ['docker.io']\ninsecure = ['x'\n[projects]\nwhitelist = ['y']\n");
    let ran = run(&["check", &path]);
    assert_eq!(ran.code, Some(1));
    ran.says(&["error[toml-syntax]", &path, "^"]);
    let ran = run(&["check", "--json", &path]);
    assert_eq!(codes(&ran.json()[0])[0], "toml-syntax");
    assert!(ran.json()[0].get("canonical").is_none());

    let ran = run(&["check", &file("toml", "whitelist = [\"docker.io\"]\nwhitelist = []\n")]);
    assert_eq!(ran.code, Some(1));
    ran.says(&["error[toml-syntax]", "duplicate key"]);
}

#[test]
fn toml_has_types_that_policies_do_not() {
    let ran = run(&[
        "check",
        "--json",
        &file("toml", "whitelist = [1979-05-27, 1.5, inf, 3, true]\nmatch_resolved_addresses = 1\n"),
    ]);
    let report = &ran.json()[0];
    let wrong: Vec<_> =
        report["findings"].as_array().unwrap().iter().filter(|finding| finding["code"] == "type-wrong").collect();
    assert_eq!((ran.code, wrong.len()), (Some(1), 6), "{ran:?}");
    assert!(wrong[0]["message"].as_str().unwrap().contains("a date or time"));
}

#[test]
fn passwords_are_masked_in_every_text() {
    let secret = "https://bob:pass word@h.example";
    for (extension, text) in [
        ("json", format!("{{\"whitelist\": [\"{secret}\", \"h:0\"]}}")),
        ("json", format!("{{\"whitelist\": [\"{secret}\" oops")),
        ("json", format!("{{\"whitelist\": [\"{secret}")),
        ("toml", format!("whitelist = ['{secret}', 'h:0']")),
        ("toml", format!("whitelist = ['{secret}', oops")),
        ("toml", format!("whitelist = ['{secret}\n")),
        ("toml", format!("whitelist = [{secret}]")),
    ] {
        let path = file(extension, &text);
        for json in [&["check", &path][..], &["check", "--json", &path], &["decide", "--policy", &path, "nginx"]] {
            let ran = run(json);
            assert!(matches!(ran.code, Some(1 | 2)), "{ran:?}");
            for part in ["bob", "pass", "word@"] {
                assert!(!ran.stdout.contains(part) && !ran.stderr.contains(part), "{text}: {ran:#?}");
            }
        }
    }
    for json in [&["check", "--entry", secret][..], &["check", "--json", "--entry", secret]] {
        let ran = run(json);
        assert_eq!(ran.code, Some(1));
        assert!(!ran.stdout.contains("bob") && ran.stdout.contains("*@h.example"), "{ran:#?}");
    }
}

#[test]
fn one_entry_is_checked_for_a_list() {
    for (entry, list, kind, canonical) in [
        ("Harbor.Corp.Local.", "whitelist", "name", "harbor.corp.local"),
        ("10.2.2.1/24", "insecure", "network", "10.2.2.0/24"),
        ("*.example.com:443", "whitelist", "wildcard", "*.example.com:443"),
        ("::FFFF:10.1.2.3", "whitelist", "address", "10.1.2.3"),
        ("https://h.example/team/", "whitelist", "name", "h.example:443/team"),
        ("http://h.example", "insecure", "name", "h.example:80"),
    ] {
        let ran = run(&["check", "--entry", entry, "--list", list, "--json"]);
        let report = &ran.json()[0];
        assert_eq!((ran.code, &report["text"], &report["kind"]), (Some(0), &json!(entry), &json!(kind)), "{ran:?}");
        assert_eq!(report["entry"], canonical);
        let expected = pullgate::check_entry(entry, serde_json::from_value(json!(list)).unwrap());
        assert_eq!(ran.stdout, serde_json::to_string(&expected).unwrap() + "\n");
    }
    let ran = run(&["check", "--entry", "http://h.example"]);
    assert_eq!(ran.code, Some(1));
    ran.says(&[
        "error[scheme-http]",
        "http://h.example\n",
        "^^^^^^^^^^^^^^^^",
        "not fit for the whitelist: `http://h.example`",
    ]);
    let ran = run(&["check", "--entry", "10.2.2.1/24", "--list", "insecure"]);
    assert_eq!(ran.code, Some(0));
    ran.says(&["info[network-host-bits]", "fit for the insecure list: the network `10.2.2.0/24`"]);
}

#[test]
fn entries_with_errors_have_no_form() {
    for entry in [
        "",
        "-x.example",
        "--json",
        "256.1.1.1",
        "10.0.0.1-10.0.0.9",
        "h r.example",
        "a\u{7}b",
        "x".repeat(2_000).as_str(),
    ] {
        let ran = run(&["check", "--json", "--entry", entry]);
        let report = &ran.json()[0];
        assert_eq!((ran.code, report.get("entry"), report.get("kind")), (Some(1), None, None), "{entry}: {ran:?}");
        assert!(!codes(report).is_empty());
        assert_eq!(run(&["check", "--entry", entry]).code, Some(1), "{entry}");
    }
}

#[test]
fn entries_on_standard_input_and_reports_go_together() {
    let ran = run_with(&["check", "--entry", "-", "--json"], b"h.example\r\n\n10.0.0.1\xff\n*.example.com");
    let reports = ran.json();
    assert_eq!((ran.code, reports.len()), (Some(1), 4));
    assert_eq!(reports[0]["text"], "h.example");
    assert_eq!(codes(&reports[1]), ["entry-empty"]);
    assert!(reports[2].get("entry").is_none());
    assert_eq!(reports[3]["kind"], "wildcard");
    assert_eq!(run_with(&["check", "--entry", "-"], "h.example\n10.0.0.1\n").code, Some(0));
    assert_eq!(run_with(&["check", "--entry", "-"], "").code, Some(0));
}

#[test]
fn wrong_command_lines_are_usage_errors() {
    for arguments in [
        &["check"][..],
        &["check", "x.json", "--entry", "h"],
        &["check", "x.json", "--list", "insecure"],
        &["check", "--entry", "h", "--list", "built-in"],
        &["check", "/no/such/file"],
        &["check", "--no-such-flag"],
    ] {
        let ran = run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        ran.complains(&["error: "]);
    }
}

#[test]
fn windows_line_ends_and_byte_order_marks_are_fine() {
    let ran = run(&["check", &file("json", "\u{feff}{\r\n  \"whitelist\": [\r\n    \"docker.io\"\r\n  ]\r\n}\r\n")]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let path = file("toml", "\u{feff}whitelist = [\r\n  \"docker.io\",\r\n  \"h:0\"]\r\n");
    let ran = run(&["check", &path]);
    assert_eq!(ran.code, Some(1));
    ran.says(&[&format!("{path}:3:6"), "3 |   \"h:0\"]\n"]);
    assert!(!ran.stdout.contains('\r'));
}

#[test]
fn huge_input_is_refused_or_checked() {
    let path = file("json", vec![b' '; (64 << 20) + 1]);
    let ran = run(&["check", "--json", &path]);
    assert_eq!((ran.code, codes(&ran.json()[0])), (Some(1), vec!["document-too-large"]));
    std::fs::remove_file(path).unwrap();

    // One line of two megabytes with an error in its last entry.
    let entries: String = (0..100_000).map(|number| format!("'h{number}.example', ")).collect();
    let path = file("toml", format!("whitelist = [{entries}'bob:secret@h', 'docker.io']"));
    let ran = run(&["check", &path]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.len() < 2_000 && !ran.stdout.contains("secret"), "{}", ran.stdout);
    ran.says(&["error[user-information]", &path, "^", "does not load: 1 error"]);
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let entries: String = (0..20_000).map(|number| format!("'h{number}:0', ")).collect();
    let path = file("toml", format!("whitelist = [{entries}]"));
    let mut child = program().args(["check", &path]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(2), &b""[..]));
}

/// Returns the codes of the notes about a policy for a runtime.
fn notes(policy: &str, runtime: &str) -> Vec<String> {
    let path = file("json", policy);
    let ran = run(&["check", "--json", "--for", runtime, &path]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report = &ran.json()[0];
    assert!(report["canonical"].is_string() && report["findings"].is_array(), "{report}");
    let notes = report["notes"].as_array().unwrap();
    assert!(notes.iter().all(|note| note["runtime"] == runtime), "{report}");
    notes.iter().map(|note| note["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn notes_are_about_what_a_runtime_does_otherwise() {
    const PEM: &str = include_str!("../../../tests/certificates/ca.pem");
    let authorities = json!({"whitelist": ["h.example"], "certificate_authorities": [{"pem": PEM}]}).to_string();
    for (policy, docker, containerd, kubernetes) in [
        ("{}", &["loopback"][..], &["loopback"][..], &["short-names"][..]),
        (r#"{"whitelist": []}"#, &["builds"], &["verifier-settings", "sandbox-image"], &["sandbox-image"]),
        (
            r#"{"whitelist": ["registry.k8s.io/pause", "docker.io", "localhost:5000"]}"#,
            &["loopback", "builds"],
            &["verifier-settings", "loopback"],
            &["short-names"],
        ),
        (
            r#"{"whitelist": ["registry.k8s.io"], "insecure": ["10.77.0.0/24", "localhost"]}"#,
            &["insecure-networks", "insecure-registries", "token-servers", "builds"],
            &["verifier-settings", "insecure-registries"],
            &["nodes"],
        ),
        (
            r#"{"whitelist": ["registry.k8s.io"], "match_resolved_addresses": true, "insecure": [
                {"entry": "10.77.0.0/24"}, {"entry": "10.78.0.0/24", "enabled": false}]}"#,
            &["insecure-registries", "token-servers", "builds", "dns"],
            &["verifier-settings", "insecure-registries", "dns"],
            &["nodes", "dns"],
        ),
        (
            r#"{"whitelist": ["registry.k8s.io"], "projects": {"p": {"insecure": ["10.77.0.0/24"], "whitelist": ["*.p.example"]}}}"#,
            &["insecure-networks", "insecure-registries", "token-servers", "builds", "dns", "projects"],
            &["verifier-settings", "insecure-registries", "dns", "projects"],
            &["nodes", "dns", "projects"],
        ),
        (
            &authorities,
            &["certificate-authorities", "token-servers", "builds"],
            &["verifier-settings", "sandbox-image", "certificate-authorities"],
            &["nodes", "sandbox-image"],
        ),
    ] {
        assert_eq!(notes(policy, "docker"), docker, "{policy}");
        assert_eq!(notes(policy, "containerd"), containerd, "{policy}");
        assert_eq!(notes(policy, "kubernetes"), kubernetes, "{policy}");
    }
}

#[test]
fn notes_name_entries_and_sections_of_the_documentation() {
    let insecure: Vec<String> = (0..5).map(|index| format!("10.{index}.0.0/16")).collect();
    let path =
        file("json", json!({"whitelist": ["*.example.com", "docker.io", "localhost:5000"], "insecure": insecure, "projects": {"p": {}}}).to_string());
    let every = ["check", "--for", "docker", "--for", "containerd", "--for", "kubernetes", &path];
    let ran = run(&every);
    ran.says(&[
        "note[insecure-networks]: `10.0.0.0/16`, `10.1.0.0/16`, `10.2.0.0/16` and 2 more in `insecure-registries`",
        "  see docs/docker.md#insecure-networks\n",
        "note[verifier-settings]",
        "note[short-names]",
    ]);
    assert!(ran.stdout.lines().last().unwrap().contains(" loads"), "{ran:?}");
    // Every section is there.
    for line in ran.stdout.lines().filter_map(|line| line.strip_prefix("  see ")) {
        let (page, section) = line.split_once('#').unwrap();
        let text = std::fs::read_to_string(format!("{}/../../{page}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            title.chars().filter(|character| character.is_alphanumeric() || *character == '-').collect::<String>()
        });
        assert!(headings.into_iter().any(|heading| heading == section), "{line}");
    }
    // Without `--for` there are none, and a policy with errors has findings only.
    assert!(!run(&["check", &path]).stdout.contains("note["));
    assert_eq!(run(&["check", "--json", &path]).json()[0].get("notes"), None);
    let bad = file("json", r#"{"whitelist": ["h:0"]}"#);
    let ran = run(&["check", "--json", "--for", "docker", &bad]);
    assert_eq!((ran.code, &ran.json()[0]["notes"]), (Some(1), &json!([])));
    assert_eq!(run(&["check", "--for", "podman", &path]).code, Some(2));
    assert_eq!(run(&["check", "--for", "docker", "--entry", "h"]).code, Some(2));
}
