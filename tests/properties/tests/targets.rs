//! Every target on its seeds, on what it once failed on (`fuzz/regressions`), and on random changes of both for a second.
//!
//! The changes are the same in each run: `cargo xtask fuzz` is what looks for new ones. `PULLGATE_FUZZ_SECONDS` gives another
//! time for each target, and `PULLGATE_FUZZ_SEED` other changes. An input on which a property does not hold is printed, and written to the folder that `CARGO_TARGET_TMPDIR` names.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pullgate_properties::{FuzzTarget, Mutator, TARGETS};

/// The time that one input may take. Most take microseconds, and a machine may be busy.
const MAX_INPUT_TIME: Duration = Duration::from_secs(20);

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number, not `{text}`")))
}

fn run(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("the target is in the table");
    let mut inputs = (target.seeds)();
    assert!(!inputs.is_empty(), "{name} has no seeds");
    inputs.extend(regressions(name));
    for input in &inputs {
        check(target, input);
    }
    let seed = variable("PULLGATE_FUZZ_SEED").unwrap_or_default();
    let time = Duration::from_secs(variable("PULLGATE_FUZZ_SECONDS").unwrap_or(1));
    let mut mutator = Mutator::new(inputs, seed);
    let start = Instant::now();
    let mut count = 0_u64;
    while start.elapsed() < time {
        check(target, &mutator.next_input());
        count += 1;
    }
    println!("{name}: {count} inputs");
}

fn regressions(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/regressions").join(name);
    let Ok(files) = fs::read_dir(&folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("the folder can be read").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a regression can be read")).collect()
}

fn check(target: &FuzzTarget, input: &[u8]) {
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| (target.check)(input)));
    let time = start.elapsed();
    if result.is_ok() && time < MAX_INPUT_TIME {
        return;
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.input", target.name));
    fs::write(&path, input).expect("the input can be written");
    println!("{} on {} ({time:?}): {}", target.name, path.display(), input.escape_ascii());
    if let Err(panic) = result {
        resume_unwind(panic);
    }
    panic!("an input took {time:?}");
}

/// A test for each target, and one that none is forgotten.
macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )*

        #[test]
        fn every_target_has_a_test() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

targets!(
    entry,
    pattern,
    reference,
    document,
    source,
    pem,
    certificate,
    decide,
    compare,
    export,
    import,
    replay,
    docker_request,
    admission_review,
    client_hello,
    gate_request,
);
