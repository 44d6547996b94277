//! What goes with an installation: help, version, completions, manual pages, and which module decides.

mod common;

use common::{program, run};

#[test]
fn the_module_says_what_it_is() {
    let ran = run(&["module", "--json", "--wit"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let about = &ran.json()[0];
    assert_eq!(about["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(about["rules"], pullgate::RULES_SHA256);
    assert_eq!(about["wit"], pullgate_host::WIT);
    for digest in ["module", "component", "rules"] {
        let digest = about[digest].as_str().unwrap();
        assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
    }
    assert_ne!(about["module"], about["component"]);

    let ran = run(&["module"]);
    ran.says(&[
        "version",
        about["version"].as_str().unwrap(),
        "module",
        about["module"].as_str().unwrap(),
        "component",
        "rules",
    ]);
    assert_eq!(run(&["module", "--wit"]).stdout, pullgate_host::WIT);
    assert_eq!(run(&["module", "--json"]).json()[0].get("wit"), None);
}

#[test]
fn help_says_how_to_begin() {
    let ran = run(&["--help"]);
    assert_eq!(ran.code, Some(0));
    ran.says(&["decide", "check", "EXAMPLES:", "EXIT CODES:"]);
    let ran = run::<&str>(&[]);
    assert_eq!(ran.code, Some(2));
    ran.complains(&["Usage: pullgate <COMMAND>"]);
    for command in ["decide", "explain", "check", "module", "completions", "man"] {
        let ran = run(&[command, "--help"]);
        assert_eq!(ran.code, Some(0));
        ran.says(&["Usage: ", "EXAMPLES:", "EXIT CODES:"]);
    }
    run(&["decide", "--help"]).says(&["--whitelist-registry", "[alias: --wr]", "[alias: --dir]", "[alias: --rc]"]);
    assert_eq!(run(&["--version"]).stdout, format!("pullgate {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_are_written_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = run(&["completions", shell]);
        assert_eq!(ran.code, Some(0));
        ran.says(&["whitelist-registry"]);
    }
    assert_eq!(run(&["completions", "cmd"]).code, Some(2));
}

#[test]
fn manual_pages_have_the_exit_codes() {
    let ran = run(&["man"]);
    assert_eq!(ran.code, Some(0));
    ran.says(&[".TH pullgate 1", ".SH NAME", ".SH SUBCOMMANDS", ".SH EXAMPLES", ".SH \"EXIT STATUS\""]);

    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("man");
    std::fs::create_dir_all(&directory).unwrap();
    assert_eq!(run(&["man", directory.to_str().unwrap()]).code, Some(0));
    let page = std::fs::read_to_string(directory.join("pullgate-decide.1")).unwrap();
    for text in [
        ".TH pullgate-decide 1",
        "\\-\\-dns\\-answer",
        "pullgate decide \\-\\-policy policy.toml",
        ".SH \"EXIT STATUS\"",
    ] {
        assert!(page.contains(text), "no {text} in\n{page}");
    }
    let ran = run(&["man", "/no/such/directory"]);
    assert_eq!(ran.code, Some(2));
    ran.complains(&["error: cannot write `/no/such/directory/pullgate.1`: no such file"]);
}

#[test]
fn a_standard_output_that_is_full_is_said() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    for arguments in
        [&["man"][..], &["module", "--wit"], &["decide", "--dir", "a.example", "nginx"], &["check", "--entry", "h"]]
    {
        let output = program().args(arguments).stdout(full.try_clone().unwrap()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("cannot write standard output: no space left on device"), "{stderr}");
    }
}
