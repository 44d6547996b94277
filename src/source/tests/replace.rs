//! Replacement of a policy file under faults: a process that is killed, and a disk that is full. A reader finds the old text
//! or the new one, whole.
//!
//! Each fault is in a process of its own: this test program again, with the file in [`FILE_VARIABLE`].

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use pullgate_source::{PolicyFile, PolicyFileError};

/// The file that a child process replaces.
const FILE_VARIABLE: &str = "PULLGATE_TEST_REPLACED_FILE";

/// The number of processes that are killed.
const KILLS: u32 = 60;

/// The longest time of a process before it is killed. A replacement takes some milliseconds.
const LONGEST: Duration = Duration::from_millis(30);

/// Returns a document of a megabyte, so that its writing takes more than one call.
fn document(name: &str) -> String {
    let entries: Vec<String> = (0..40_000).map(|number| format!("\"{name}{number}.example.com\"")).collect();
    format!("{{\"whitelist\":[{}]}}", entries.join(","))
}

/// The child: replaces the file by two documents in turn, until it is killed or cannot.
#[test]
#[ignore = "it is what the other tests start"]
fn child_replaces_the_file() {
    let path = env::var_os(FILE_VARIABLE).expect("the parent names the file");
    let file = PolicyFile::new(path);
    let documents = [document("a"), document("b")];
    for text in documents.iter().cycle() {
        if let Err(error) = file.replace(text) {
            assert!(matches!(error, PolicyFileError::Unwritable { .. }), "{error}");
            println!("refused: {error}");
            return;
        }
    }
}

/// Starts the child, by a shell that prepares its limits.
fn start_child(path: &Path, limits: &str) -> Child {
    let program = env::current_exe().expect("the test has a path");
    let script = format!("{limits} exec \"$0\" child_replaces_the_file --exact --ignored --nocapture");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(script).arg(program).env(FILE_VARIABLE, path);
    shell.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a shell can be started")
}

#[test]
fn killed_process_leaves_the_old_text_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let (target, link) = (folder.path().join("policy.json"), folder.path().join("link.json"));
    fs::write(&target, document("old")).unwrap();
    symlink(&target, &link).unwrap();
    let whole = [document("old"), document("a"), document("b")];
    let mut replaced = 0;
    for number in 0..KILLS {
        let before = fs::read(&target).unwrap();
        let mut child = start_child(&link, "");
        // Some are killed while they start, most in the middle of a replacement.
        let started = Instant::now();
        while fs::read_dir(folder.path()).unwrap().count() <= 2 && started.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_micros(200));
        }
        thread::sleep(LONGEST * number / KILLS);
        child.kill().unwrap();
        child.wait().unwrap();
        let text = fs::read_to_string(&link).unwrap();
        assert!(whole.contains(&text), "kill {number} left {} bytes of no document", text.len());
        replaced += u32::from(before != text.as_bytes());
        // What a killed process leaves beside the file is no obstacle to the next one.
        for entry in fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path != target && path != link {
                fs::remove_file(path).unwrap();
            }
        }
    }
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(replaced > 0, "no process came as far as a replacement");
}

#[test]
fn full_disk_leaves_the_old_text_and_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.json");
    fs::write(&path, "{}").unwrap();
    // A limit on the size of files is a disk with room for this much (EFBIG in place of ENOSPC).
    let child = start_child(&path, "trap '' XFSZ; ulimit -f 100;");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("refused: cannot write `"), "{output:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn link_to_nothing_or_to_itself_is_refused_and_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (dangling, circular) = (folder.path().join("dangling.json"), folder.path().join("circular.json"));
    symlink(folder.path().join("absent.json"), &dangling).unwrap();
    symlink(&circular, &circular).unwrap();
    for path in [&dangling, &circular] {
        let file = PolicyFile::new(path);
        assert!(file.read().is_err());
        assert!(file.replace("{}").is_err(), "{}", path.display());
        assert!(fs::symlink_metadata(path).unwrap().is_symlink());
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}
