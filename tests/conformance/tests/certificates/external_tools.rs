//! The programs that the tests hold the rules against: OpenSSL, and Python with packages of pinned versions.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, process, thread};

/// What `openssl` prints, given this to read. Panics, with what it said, where it fails.
pub fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let output = piped("openssl", "install OpenSSL 3 (`apt-get install openssl`)", arguments, input);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`openssl {}` failed:\n{said}", arguments.join(" "));
    output.stdout
}

/// A file with this content, for those commands that read files only. It goes when it is dropped: it may hold a key.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Writes the file.
    pub fn new(content: &[u8]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("certificates-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, content).expect("a scratch file is written");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &str {
        self.0.to_str().expect("the target folder's path is UTF-8")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Seconds since 1970: the time of what OpenSSL makes, which takes none as an argument.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right").as_secs()
}

/// The folder that has a package of `requirements.txt` as it was published. They are fetched once for each state of that
/// file, and not installed: where a company's proxy needs its own CA, installing adds that to certifi's.
pub fn package(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(fetched).join(name)
}

const PYTHON: &str = "install Python 3.9 or later with pip (`apt-get install python3-pip`), and let it reach PyPI";

fn fetched() -> PathBuf {
    let requirements = pullgate_tests::vectors::certificates().join("requirements.txt");
    let wanted = fs::read_to_string(&requirements).expect("the requirements can be read");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-packages");
    let stamp = folder.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return folder;
    }
    let fresh = folder.with_extension(process::id().to_string());
    let wheels = fresh.join("wheels");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]);
    pip.args(["--only-binary", ":all:", "--dest"]).arg(&wheels).arg("--requirement").arg(&requirements);
    run(&mut pip, "the packages of tests/certificates/requirements.txt cannot be fetched");
    for wheel in fs::read_dir(&wheels).expect("the packages can be read") {
        let wheel = wheel.expect("the packages can be read").path();
        let file = wheel.file_name().and_then(|name| name.to_str()).expect("names are ASCII");
        let (name, _) = file.split_once('-').expect("a wheel is named by package and version");
        let mut unzip = Command::new("python3");
        unzip.args(["-S", "-m", "zipfile", "--extract"]).arg(&wheel).arg(fresh.join(name));
        run(&mut unzip, "a package cannot be unpacked");
    }
    fs::write(fresh.join("requirements.txt"), wanted).expect("the packages are marked");
    let _ = fs::remove_dir_all(&folder);
    fs::rename(&fresh, &folder).expect("the packages are put in place");
    folder
}

/// What a script of `tests/certificates` prints, with Python's cryptography at hand.
pub fn python(script: &str, arguments: &[&Path]) -> String {
    let path = env::join_paths(["cryptography", "cffi", "pycparser"].map(package)).expect("the paths can be joined");
    let mut python = Command::new("python3");
    python.arg(pullgate_tests::vectors::certificates().join(script)).args(arguments);
    let printed = run(python.env("PYTHONPATH", path), "a script fails");
    String::from_utf8(printed).expect("the script prints UTF-8")
}

/// Runs Python. Panics, with what it said, where it fails.
fn run(python: &mut Command, what: &str) -> Vec<u8> {
    let output = python.output().unwrap_or_else(|error| panic!("`python3` does not run ({error}): {PYTHON}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what} ({PYTHON}):\n{said}");
    output.stdout
}

fn piped(program: &str, missing: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| match error.kind() {
        ErrorKind::NotFound => panic!("`{program}` is not installed: {missing}"),
        _ => panic!("`{program}` does not run: {error}"),
    });
    let mut stdin = child.stdin.take().expect("there is a pipe");
    thread::scope(|scope| {
        // A program that wants no more of its input closes the pipe.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("the program ends")
    })
}
