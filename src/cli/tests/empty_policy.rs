//! A policy without any member, as of a file that is being written: it must not be taken for one that allows everything.

mod common;

use common::{file, program, run};

const TOML_MESSAGE: &str =
    "is empty: to allow every registry, write `insecure = []`; to allow only what is listed, write a `whitelist`";
const JSON_MESSAGE: &str =
    "is empty: to allow every registry, write `{\"insecure\": []}`; to allow only what is listed, write a `whitelist`";

#[test]
fn an_empty_file_is_no_policy_for_anybody() {
    let good = file("toml", "insecure = []\n");
    for text in ["", "\n", "\u{feff}", "# The registries that we may use:\n\n# whitelist ="] {
        for extension in ["toml", "conf"] {
            let path = file(extension, text);
            for (arguments, code) in [
                (vec!["check", &path], 1),
                (vec!["decide", "--no-dns", "--policy", &path, "evil.example.com/x"], 2),
                (vec!["explain", "--no-dns", "--policy", &path, "evil.example.com/x"], 2),
                (vec!["compare", &good, &path], 3),
                (vec!["compare", &path, &good], 3),
                (vec!["narrow", &path, &good], 2),
                (vec!["serve", "--listen", "127.0.0.1:0", "--policy", &path], 2),
            ] {
                let ran = run(&arguments);
                assert_eq!(ran.code, Some(code), "{text:?} {ran:?}");
                // Of a file that says nothing by its name and has nothing in it, JSON is expected; a comment is TOML.
                let is_toml = extension == "toml" || text.contains('#');
                let said = if is_toml { TOML_MESSAGE } else { JSON_MESSAGE };
                assert!(format!("{}{}", ran.stdout, ran.stderr).contains(said), "{arguments:?} {ran:?}");
            }
        }
    }
    let ran = run(&["decide", "--no-dns", "--policy", &good, "other.example.com/x"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn the_image_verifier_denies_by_an_empty_policy() {
    let policy = file("toml", "# whitelist =\n");
    let settings = file("toml", format!("policy = '{policy}'\nsocket = '{policy}.nowhere'\n"));
    let digest = format!("sha256:{}", "0".repeat(64));
    let output = program()
        .args(["image-verifier", "-name", "docker.io/library/alpine:1", "-digest", &digest])
        .env("PULLGATE_IMAGE_VERIFIER_CONFIG", &settings)
        .env_remove("PULLGATE_SOCKET")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(1) && said.contains(TOML_MESSAGE), "{said}");
}
