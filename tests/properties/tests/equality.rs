//! Random cases, answered by native code, by the component under wasmtime and by the module in Node with the same bytes
//! (rule D4). The same cases in each run, unless a variable says otherwise:
//!
//! `PULLGATE_EQUALITY_CASES=1000000 cargo test --release -p pullgate-properties --test equality -- --nocapture`
//!
//! `PULLGATE_FUZZ_SEED` gives other cases. One that is answered differently is written to a file in the folder that
//! `CARGO_TARGET_TMPDIR` names.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use pullgate_properties::CaseGenerator;
use pullgate_tests::component::Component;
use pullgate_tests::surface::{Native, lines};
use pullgate_tests::vectors::Case;

/// The number of cases of a run that says nothing else.
const CASES: u64 = 2_000;

/// The number of cases that Node has while native code answers them.
const BATCH: u64 = 256;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number, not `{text}`")))
}

/// A process of Node with the module: cases go in, their answers come out.
struct NodeModule {
    child: Child,
    cases: Sender<String>,
    answers: BufReader<ChildStdout>,
}

impl NodeModule {
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node/equality.mjs");
        let mut command = Command::new("node");
        let mut child = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Node.js runs");
        let (input, output) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let (cases, waiting) = channel();
        // A thread of its own: Node reads no further while its answers are not read.
        thread::spawn(move || {
            let mut input: ChildStdin = input;
            waiting.into_iter().try_for_each(|line: String| input.write_all(line.as_bytes()))
        });
        Self { child, cases, answers: BufReader::new(output) }
    }

    fn ask(&self, case: &str) {
        self.cases.send(format!("{case}\n")).expect("Node takes cases");
    }

    /// Returns the answers to the next case: lines up to an empty one.
    fn answers(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let length = self.answers.read_line(&mut line).expect("Node prints UTF-8");
            assert!(length > 0, "Node ended: {:?}", self.child.try_wait());
            match line.strip_suffix('\n') {
                Some("") => return lines,
                Some(line) => lines.push(line.to_owned()),
                None => panic!("Node ended within a line"),
            }
        }
    }
}

impl Drop for NodeModule {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn native_code_the_component_and_the_module_in_node_answer_alike() {
    let total = variable("PULLGATE_EQUALITY_CASES").unwrap_or(CASES);
    let mut generator = CaseGenerator::new(variable("PULLGATE_FUZZ_SEED").unwrap_or_default());
    let (component, mut node) = (Component::new(), NodeModule::start());
    let (mut done, mut answers) = (0, 0);
    while done < total {
        let batch: Vec<String> = (0..BATCH.min(total - done)).map(|_| generator.next_case().to_string()).collect();
        batch.iter().for_each(|text| node.ask(text));
        for text in &batch {
            let case: Case = serde_json::from_str(text).expect("the case is one of the vectors' form");
            let native = lines(&Native, &case);
            check("the component", text, &native, &lines(&component, &case));
            check("the module in Node", text, &native, &node.answers());
            assert!(!native.is_empty(), "nothing was asked: {text}");
            answers += native.len();
        }
        done += batch.len() as u64;
        if done.is_multiple_of(BATCH * 100) || done == total {
            println!("{done} cases, {answers} answers of the same bytes on three surfaces");
        }
    }
}

#[track_caller]
fn check(surface: &str, case: &str, native: &[String], theirs: &[String]) {
    if native == theirs {
        return;
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("equality.json");
    fs::write(&path, case).expect("the case can be written");
    let differing = native.iter().zip(theirs).find(|(native, theirs)| native != theirs);
    let (count, other) = (native.len(), theirs.len());
    panic!("{surface} differs on {} ({count} answers, there {other}): {differing:#?}", path.display());
}
