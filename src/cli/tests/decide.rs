//! The tests of `pullgate decide` and `pullgate explain`.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use common::{file, program, run, run_with};
use serde_json::{Value, json};

/// The first worked example of the documentation.
const EXAMPLE: &str = r#"
whitelist = ["10.2.40.40:443"]
insecure = ["10.2.2.1/24", "*.example.com", "192.168.100.207"]
"#;

#[test]
fn p3_certificates_that_are_left_out_are_shown() {
    let path = format!("{}/../../tests/certificates/expired.pem", env!("CARGO_MANIFEST_DIR"));
    let pem = std::fs::read_to_string(path).unwrap();
    let document = json!({"whitelist": ["h.corp"], "certificate_authorities": [{"pem": pem}]});
    let policy = file("json", document.to_string());
    for command in ["decide", "explain"] {
        let ran = run(&[command, "--json", "--policy", &policy, "h.corp/x"]);
        assert_eq!((ran.code, ran.json()[0]["authorities"].as_array()), (Some(0), None), "{ran:?}");
        ran.complains(&["error[certificate-expired]", "warning: the policy is used without these certificates"]);
    }
    // All other findings are left to `check`.
    let ran = run(&["decide", "--policy", &file("json", r#"{"whitelist": ["10.2.2.1/24"]}"#), "10.2.2.3/x"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
}

fn decisions(values: &[Value]) -> Vec<&str> {
    values.iter().map(|value| value["decision"].as_str().unwrap()).collect()
}

#[test]
fn the_worked_example_is_decided() {
    let policy = file("toml", EXAMPLE);
    let ran = run(&[
        "decide",
        "--json",
        "--no-dns",
        "--policy",
        &policy,
        "10.2.40.40/app",
        "registry.example.com/app",
        "10.2.2.9:80/app",
        "192.168.100.207:5000/app",
        "nginx",
        "example.com/app",
    ]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let answers = ran.json();
    assert_eq!(decisions(&answers), ["allow", "allow", "allow", "allow", "deny", "deny"]);
    assert_eq!(answers[0]["attempts"], json!([{"scheme": "https", "port": 443, "verified": true}]));
    assert_eq!(answers[0]["by"], json!({"list": "whitelist", "index": 0, "entry": "10.2.40.40:443"}));
    assert_eq!(
        answers[1]["attempts"],
        json!([{"scheme": "https", "port": 443, "verified": false}, {"scheme": "http", "port": 80, "verified": false}])
    );
    assert_eq!(answers[4]["registry"], "docker.io");
    assert_eq!(answers[4]["reason"], "not-whitelisted");
    assert_eq!(answers[4]["text"], "access to registry `docker.io` is denied: no entry of the whitelist covers it");
    assert_eq!(answers[5]["nearest"]["entry"], "*.example.com");
    assert_eq!(answers[5]["nearest"]["miss"], "wildcard-apex");
    assert!(answers[5].get("attempts").is_none(), "members that do not apply are left out");
}

#[test]
fn json_is_the_canonical_text() {
    let policy = r#"{"whitelist": ["harbor.corp.local"], "insecure": ["*.corp.local"]}"#;
    let references = ["harbor.corp.local/a/b:1", "x.corp.local:5000/y", "nginx", "UPPER/x y", "10.0.0.1/x"];
    let ran = run_with(&[&["decide", "--json", "--no-dns", "--policy", "-"], &references[..]].concat(), policy);
    let loaded = pullgate::Policy::load(policy, 0).unwrap();
    let expected = references.map(|reference| {
        let request = pullgate::Request { reference, ..pullgate::Request::default() };
        loaded.policy.answer(&request).to_json()
    });
    assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn text_output_gives_the_reason() {
    let policy = file("toml", EXAMPLE);
    let ran =
        run(&["decide", "--policy", &policy, "--no-dns", "10.2.40.40/app", "a.example.com/app", "example.com/app"]);
    assert_eq!(ran.code, Some(1));
    ran.says(&[
        "allowed  10.2.40.40/app\n",
        "registry     10.2.40.40\n",
        "repository   app\n",
        "by           `10.2.40.40:443`, whitelist[0]\n",
        "reached by   https on port 443, certificate verified\n",
        "allowed  a.example.com/app\n",
        "by           `*.example.com`, insecure[1]\n",
        "reached by   https on port 443, certificate not checked, then http on port 80\n",
        "denied  example.com/app\n",
        "why          access to registry `example.com` is denied",
        "nearest      `*.example.com`, insecure[1]: it covers every name below",
        "2 allowed, 1 denied\n",
    ]);
    assert!(!ran.stdout.contains('\u{1b}'), "no colour where there is no terminal");
}

#[test]
fn all_allowed_is_exit_code_0() {
    let ran = run(&["decide", "--wr", "harbor.corp.local", "harbor.corp.local/x"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 5, "one answer, one block: {ran:?}");
    ran.says(&["by           `harbor.corp.local`, whitelist[0] (from --whitelist-registry)\n"]);
    // Whitelist mode is off: everything is allowed, and Docker Hub is contacted at its own host.
    let ran = run(&["decide", "--insecure-registry", "10.0.0.1", "nginx"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.says(&["no entry: whitelist mode is off", "https on port 443 of registry-1.docker.io, certificate verified"]);
}

#[test]
fn flags_have_the_names_of_vic_machine_too() {
    let long = ["decide", "--json", "--whitelist-registry", "a.example", "--insecure-registry=b.example:80"];
    let short = ["decide", "--json", "--wr=a.example", "--dir", "b.example:80"];
    let references = ["a.example/x", "b.example/x", "c.example/x"];
    let [long, short] = [&long[..], &short[..]].map(|flags| run(&[flags, &references[..]].concat()));
    assert_eq!(decisions(&long.json()), ["allow", "allow", "deny"]);
    assert_eq!(long.stdout, short.stdout);
}

#[test]
fn flags_add_to_the_file() {
    let references = ["a.example/x", "b.example/x", "c.example/x"];
    let policies = [
        file("json", r#"{"whitelist": ["a.example"], "projects": {}}"#),
        file("toml", "whitelist = ['a.example'] # one"),
    ];
    for policy in policies {
        let flags = ["decide", "--json", "--policy", &policy, "--wr", "b.example", "--dir", "c.example"];
        let ran = run(&[&flags[..], &references[..]].concat());
        let answers = ran.json();
        assert_eq!(decisions(&answers), ["allow"; 3], "{ran:?}");
        assert_eq!(answers[1]["by"], json!({"list": "whitelist", "index": 1, "entry": "b.example"}));
        assert_eq!(answers[2]["by"], json!({"list": "insecure", "index": 0, "entry": "c.example"}));
    }
}

#[test]
fn plain_http_in_the_whitelist_needs_the_insecure_list_wherever_that_is() {
    let ran = run(&["decide", "--wr", "http://h.example", "h.example/x"]);
    assert_eq!(ran.code, Some(2));
    ran.complains(&[
        "error[scheme-http]",
        "--> --whitelist-registry",
        "http://h.example\n",
        "^^^^^^^^^^^^^^^^",
        "help: write",
    ]);
    let policy = file("json", r#"{"insecure": ["h.example:80"]}"#);
    let ran = run(&["decide", "--policy", &policy, "--wr", "http://h.example", "h.example:80/x"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn answers_come_in_the_order_of_the_command_line() {
    let arguments = [
        "decide",
        "--json",
        "--dir",
        "a.example",
        "one/x",
        "--login",
        "two.example",
        "three/x",
        "-",
        "--login",
        "four.example",
    ];
    let ran = run_with(&arguments, "\u{feff}\nstdin/a\r\n   \nstdin/b");
    let references: Vec<_> = ran.json().iter().map(|answer| answer["reference"].as_str().unwrap().to_owned()).collect();
    assert_eq!(references, ["one/x", "two.example", "three/x", "stdin/a", "stdin/b", "four.example"]);
}

#[test]
fn logins_have_no_repository() {
    let ran = run(&[
        "decide",
        "--json",
        "--wr",
        "h.example:5000/team",
        "--login",
        "https://h.example:5000/v2/",
        "--login",
        "h.example",
    ]);
    let answers = ran.json();
    assert_eq!(decisions(&answers), ["allow", "deny"], "{ran:?}");
    assert_eq!(answers[0]["registry"], "h.example:5000");
    assert!(answers[0].get("repository").is_none());
}

#[test]
fn projects_are_asked_for_by_name() {
    let policy = file("json", r#"{"whitelist": [], "projects": {"dev": {"whitelist": ["dev.example"]}}}"#);
    let ask = |project: &[&str]| run(&[&["decide", "--policy", &policy, "dev.example/x"], project].concat());
    assert_eq!(ask(&[]).code, Some(1));
    let ran = ask(&["--project", "dev"]);
    assert_eq!(ran.code, Some(0));
    ran.says(&["`dev.example`, whitelist[0] of project `dev`"]);
    let ran = ask(&["--project", "prod", "--json"]);
    assert_eq!((ran.code, &ran.json()[0]["reason"]), (Some(1), &json!("unknown-project")));
}

#[test]
fn given_dns_answers_decide() {
    let wildcard = ["decide", "--json", "--no-dns", "--wr", "*.corp.local", "10.2.2.5/app"];
    let ran = run(&wildcard);
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.json()[0]["decision"], "lookup");
    assert_eq!(ran.json()[0]["queries"], json!([{"kind": "reverse", "subject": "10.2.2.5"}]));

    for (dns_answers, decision) in [
        (vec!["10.2.2.5=harbor.corp.local", "harbor.corp.local=10.2.2.5"], "allow"),
        (vec!["10.2.2.5=Harbor.Corp.Local.", "HARBOR.corp.local=::ffff:10.2.2.5, 10.0.0.1"], "allow"),
        (vec!["10.2.2.5=harbor.corp.local"], "lookup"),
        (vec!["10.2.2.5=harbor.corp.local", "harbor.corp.local="], "deny"),
        (vec!["10.2.2.5=other.example"], "deny"),
        (vec!["10.2.2.5=other.example", "10.2.2.5=harbor.corp.local", "harbor.corp.local=10.2.2.5"], "allow"),
        (vec!["10.2.2.5="], "deny"),
    ] {
        let flags: Vec<_> = dns_answers.iter().flat_map(|dns_answer| ["--dns-answer", dns_answer]).collect();
        let ran = run(&[&wildcard[..], &flags[..]].concat());
        assert_eq!(ran.json()[0]["decision"], decision, "{dns_answers:?}: {ran:?}");
    }

    let policy = file("toml", "whitelist = ['10.2.2.0/24']\nmatch_resolved_addresses = true");
    let named = ["decide", "--json", "--no-dns", "--policy", &policy, "harbor.corp.local/app"];
    let ran = run(&[&named[..], &["--dns-answer", "harbor.corp.local=10.2.2.5"]].concat());
    assert_eq!((ran.code, &ran.json()[0]["pinned"]), (Some(0), &json!(["10.2.2.5"])), "{ran:?}");
    let ran = run(&[&named[..], &["--dns-answer", "harbor.corp.local=10.2.2.5,10.9.9.9"]].concat());
    assert_eq!(ran.code, Some(1));
}

#[test]
fn an_open_question_is_shown_with_the_way_to_answer_it() {
    let ran = run(&["decide", "--no-dns", "--wr", "*.corp.local", "10.2.2.5/app"]);
    assert_eq!(ran.code, Some(1));
    ran.says(&[
        "undecided  10.2.2.5/app",
        "which names has 10.2.2.5?  --dns-answer 10.2.2.5=NAME",
        "leave `--no-dns` out",
    ]);
}

#[test]
fn malformed_dns_answers_say_what_to_write() {
    for (dns_answer, what) in [
        ("harbor.corp.local", "there is no `=`"),
        ("=10.0.0.1", "`` is neither an address nor a host name"),
        ("*.corp.local=10.0.0.1", "`*.corp.local` is neither"),
        ("h.example:5000=10.0.0.1", "`h.example:5000` is neither"),
        ("h.example=other.example", "`other.example` is not an address"),
        ("h.example=10.0.0.1,", "`` is not an address"),
        ("h.example=10.0.0.0/8", "`10.0.0.0/8` is not an address"),
        ("10.0.0.1=10.0.0.2", "`10.0.0.2` is not a host name"),
    ] {
        let ran = run(&["decide", "--wr", "a.example", "--dns-answer", dns_answer, "a.example/x"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{dns_answer}");
        ran.complains(&["error: `--dns-answer", what, "help: write `--dns-answer NAME=ADDRESS"]);
    }
    let ran =
        run(&["decide", "--wr", "a.example", "--dns-answer", "https://bob:secret@h.example=1.2.3.4", "a.example/x"]);
    assert!(ran.code == Some(2) && !ran.stderr.contains("secret"), "{ran:?}");
}

#[test]
fn without_a_policy_there_is_nothing_to_decide_by() {
    let ran = run(&["decide", "nginx"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    ran.complains(&["there is no policy to decide by", "--policy FILE", "Usage: pullgate decide"]);
    let ran = run(&["decide", "--wr", "a.example"]);
    assert_eq!(ran.code, Some(2));
    ran.complains(&["REFERENCE"]);
}

#[test]
fn a_policy_with_errors_decides_nothing() {
    let policy = file("toml", "whitelist = [\n  'h:99999',\n]\ncolour = 'red'\n");
    let ran = run(&["decide", "--policy", &policy, "h/x"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    let place = format!("{policy}:2:6");
    ran.complains(&[
        "error[port-invalid]",
        &place,
        "^^^^^",
        "error[member-unknown]",
        "the policy does not load: 2 errors",
    ]);
    // A policy with warnings decides silently.
    let ran = run(&["decide", "--policy", &file("json", r#"{"whitelist": []}"#), "nginx"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
}

#[test]
fn findings_in_flags_and_in_the_file_each_show_their_own_text() {
    let policy = file("json", r#"{"whitelist": ["ok.example", "bad_.example:1x"]}"#);
    let ran = run(&["decide", "--policy", &policy, "--wr", "https://bob:secret@h.example", "--dir", "h/team", "h/x"]);
    assert_eq!(ran.code, Some(2));
    ran.complains(&[
        &policy,
        "bad_.example:1x",
        "--> --whitelist-registry",
        "@h.example",
        "--> --insecure-registry",
        "h/team",
    ]);
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let binary = file("json", b"{\"whitelist\": [\"\xff\"]}");
    let utf16 = file("json", b"\xff\xfe{\x00}\x00");
    let der = file("crt", b"\x30\x82\x01\x0a\xff\xff");
    for (arguments, texts) in [
        (
            ["--policy", "/no/such/file.json"],
            ["cannot read the policy file `/no/such/file.json`: no such file", "help: give the path"],
        ),
        (
            ["--policy", env!("CARGO_TARGET_TMPDIR")],
            ["cannot read the policy file", "help: give the path of a file in it"],
        ),
        (["--policy", &binary], ["is not UTF-8 text: line 1, column 17", "help: save it as UTF-8"]),
        (["--policy", &utf16], ["is UTF-16 text", "help: save it as UTF-8"]),
        (["--rc", &der], ["is binary, as a certificate in DER form", "openssl x509 -inform der"]),
        (["--rc", "/no/such/ca.pem"], ["cannot read the file of certificate authorities", "help: give the path"]),
    ] {
        let ran = run(&["decide", arguments[0], arguments[1], "nginx"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        ran.complains(&texts);
    }
}

#[test]
fn standard_input_is_read_once() {
    let ran = run(&["decide", "--policy", "-", "-"]);
    assert_eq!(ran.code, Some(2));
    ran.complains(&["standard input can be read once only"]);
}

#[cfg(unix)]
#[test]
fn files_that_are_not_utf8_are_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let bad = OsStr::from_bytes(b"h\xff.example/x");
    let ran = run(&[OsStr::new("decide"), OsStr::new("--dir"), OsStr::new("a.example"), bad]);
    assert_eq!(ran.code, Some(2));
    ran.complains(&["UTF-8"]);
    // In standard input it is an ordinary line, which no policy allows.
    let ran = run_with(&["decide", "--json", "--dir", "a.example", "-"], b"h\xff.example/x\nh.example/x\n");
    assert_eq!(decisions(&ran.json()), ["deny", "allow"]);
    assert_eq!(ran.json()[0]["reason"], "invalid-reference");
    // A file can have any name.
    let name = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(OsStr::from_bytes(b"policy-\xff.toml"));
    std::fs::write(&name, "whitelist = []").unwrap();
    let ran = run(&[OsStr::new("decide"), OsStr::new("--policy"), name.as_os_str(), OsStr::new("nginx")]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
}

#[test]
fn empty_input_is_no_permission() {
    for (arguments, input) in [(&["decide"][..], ""), (&["decide", "--json"], "\n \n"), (&["explain"], "")] {
        let ran = run_with(&[arguments, &["--dir", "a.example", "-"]].concat(), input);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
        ran.complains(&["nothing was decided", "one reference a line"]);
    }
    // With another subject there is a decision.
    assert_eq!(run_with(&["decide", "--dir", "a.example", "-", "a.example/x"], "").code, Some(0));
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let ran = run_with(&["decide", "--dir", "a.example", "-"], "h\u{1b}[31m\u{202e}.example/x\n");
    assert_eq!(ran.code, Some(1));
    assert!(!ran.stdout.contains(['\u{1b}', '\u{202e}']), "{ran:?}");
    ran.says(&["\\u{1b}[31m\\u{202e}"]);
}

#[test]
fn passwords_in_references_are_not_shown() {
    for flags in [&["decide"][..], &["decide", "--json"], &["explain"], &["explain", "--json"]] {
        let rest = ["--dir", "a.example", "bob:secret@h.example/x", "--login", "https://bob:secret@h.example"];
        let ran = run(&[flags, &rest[..]].concat());
        assert!(!ran.stdout.contains("secret") && !ran.stderr.contains("secret"), "{ran:?}");
    }
}

#[test]
fn much_input_is_answered_line_by_line() {
    let lines = 20_000;
    let input: String = (0..lines).map(|number| format!("h{number}.example/x\r\n")).collect();
    let ran = run_with(&["decide", "--json", "--wr", "h7.example", "-"], input);
    let answers = ran.json();
    assert_eq!((ran.code, answers.len()), (Some(1), lines));
    assert_eq!(answers.iter().filter(|answer| answer["decision"] == "allow").count(), 1);

    let ran = run_with(&["decide", "--dir", "a.example", "-"], vec![b'x'; 3 << 20]);
    assert_eq!(ran.code, Some(2));
    ran.complains(&["line 1 of standard input has over 1048576 bytes", "help: give one reference or entry a line"]);
    let ran = run_with(&["decide", "--json", "--dir", "a.example", "-"], vec![b'x'; 100_000]);
    assert_eq!((ran.code, decisions(&ran.json())), (Some(1), vec!["deny"]));
}

#[test]
fn answers_go_out_before_the_next_line_is_waited_for() {
    let mut child = program()
        .args(["decide", "--json", "--dir", "a.example", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for name in ["one", "two"] {
        writeln!(stdin, "{name}/x").unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert!(line.contains(name), "{line}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    for command in [&["decide", "--dir", "a.example", "-"][..], &["explain", "--json", "--dir", "a.example", "-"]] {
        let mut child = program()
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let writer = std::thread::spawn(move || while stdin.write_all(b"nginx\n").is_ok() {});
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        drop(stdout);
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(2), ""), "{command:?}");
        writer.join().unwrap();
    }
}

#[test]
fn explanations_have_steps() {
    let policy = file("toml", EXAMPLE);
    let ran = run(&["explain", "--json", "--no-dns", "--policy", &policy, "registry.example.com/app", "nginx"]);
    let answers = ran.json();
    assert_eq!((ran.code, decisions(&answers)), (Some(1), vec!["allow", "deny"]));
    let topics: Vec<_> =
        answers[0]["steps"].as_array().unwrap().iter().map(|step| step["kind"].as_str().unwrap()).collect();
    assert_eq!((topics.first(), topics.last()), (Some(&"reference"), Some(&"outcome")));

    let ran = run(&["explain", "--no-dns", "--policy", &policy, "registry.example.com/app"]);
    assert_eq!(ran.code, Some(0));
    ran.says(&[
        "allowed  registry.example.com/app",
        "reference",
        "mode",
        "- `10.2.40.40:443`, whitelist[0]:",
        "+ `*.example.com`, insecure[1]:",
        "outcome",
    ]);
}

#[test]
fn colour_is_for_those_who_want_it() {
    let coloured = |name: &str, value: &str| {
        let output = program().env(name, value).args(["decide", "--dir", "a.example", "nginx"]).output().unwrap();
        output.stdout.contains(&0x1b)
    };
    assert!(coloured("CLICOLOR_FORCE", "1"));
    assert!(!coloured("NO_COLOR", "1"));
}
