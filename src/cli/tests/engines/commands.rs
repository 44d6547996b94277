//! The table of docker commands, `tests/docker/commands.json`, under the newer dockerd.

use std::fs;
use std::path::Path;
use std::time::Instant;

use serde::Deserialize;
use serde_json::Value;

use crate::common::sandboxed_daemon::SandboxedDaemon;
use crate::docker::{CommandOutcome, Engine, ImageStore};
use crate::world::World;

/// The start of every denial that a client shows.
const DENIAL: &str = "authorization denied by plugin pullgate: ";

/// The table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandTable {
    /// Commands without any plugin, which make the images.
    seed: Vec<String>,
    groups: Vec<CommandGroup>,
}

/// Commands under one policy and the same settings, run in order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandGroup {
    about: String,
    policy: Value,
    /// Flags of `pullgate serve`.
    #[serde(default)]
    settings: Vec<String>,
    commands: Vec<CommandCase>,
}

/// A command with its expected outcome.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandCase {
    run: String,
    /// The records, each as action, decision, reason and reference; what is repeated stands once.
    #[serde(default)]
    records: Vec<String>,
    /// A text of the output. A command with a denial shows the denial's, unless another text is given.
    says: Option<String>,
    /// True if the command succeeds; absent, if nothing is denied.
    succeeds: Option<bool>,
    /// The only store of images with this outcome; both where it is absent.
    store: Option<ImageStore>,
}

/// Runs the table on one store of images.
pub fn run_table(store: ImageStore) {
    let start = Instant::now();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/docker/commands.json");
    let table: CommandTable = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let world = World::start();
    let seeding = Engine::start(&world, store, &[]);
    for command in &table.seed {
        seeding.run(command).succeeds();
    }
    drop(seeding);

    let policy = world.sandbox.folder().join("policy.json");
    let policy_text = policy.display().to_string();
    let mut engine = None;
    let (mut failures, mut number) = (Vec::new(), 0);
    for group in &table.groups {
        fs::write(&policy, group.policy.to_string()).unwrap();
        let mut arguments = vec!["--policy", &policy_text, "--docker-socket", "/run/docker/plugins/pullgate.sock"];
        arguments.extend(group.settings.iter().map(String::as_str));
        let mut daemon = SandboxedDaemon::start(&world.sandbox, &arguments);
        // dockerd starts only where the plugin is there, and stays for all groups.
        let engine = engine.get_or_insert_with(|| Engine::start(&world, store, &["pullgate"]));
        if number == 0 {
            println!("{}, images in {store:?}", engine.version());
        }
        for case in group.commands.iter().filter(|case| case.store.is_none_or(|only| only == store)) {
            let contacts = world.denied_contacts();
            let outcome = engine.run(&case.run);
            let records = daemon.records_until(|records| record_texts(records) == case.records);
            let records = record_texts(&records);
            number += 1;
            if let Err(error) = case.check(&outcome, &records, world.denied_contacts() - contacts) {
                failures
                    .push(format!("{}\n  $ {}\n  {error}\n  {records:?}\n  {}", group.about, case.run, outcome.text));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {number} differ\n\n{}", failures.len(), failures.join("\n"));
    println!("{number} commands in {:.1} s", start.elapsed().as_secs_f64());
}

impl CommandCase {
    fn check(&self, outcome: &CommandOutcome, records: &[String], denied_contacts: usize) -> Result<(), String> {
        if records != self.records {
            return Err(format!("expected the records {:?}", self.records));
        }
        let is_denied = records.iter().any(|record| record.split(' ').any(|word| word == "deny"));
        if outcome.is_success != self.succeeds.unwrap_or(!is_denied) {
            return Err("the outcome is another".to_owned());
        }
        if is_denied && denied_contacts > 0 {
            return Err("a registry was contacted that was not allowed".to_owned());
        }
        let text = self.says.as_deref().or(is_denied.then_some(DENIAL));
        match text.is_none_or(|text| outcome.text.contains(text)) {
            true => Ok(()),
            false => Err(format!("it does not say `{}`", text.unwrap_or_default())),
        }
    }
}

/// Returns the texts of records. A repeated one, such as of a client that tries again, is returned once.
fn record_texts(records: &[Value]) -> Vec<String> {
    let mut texts: Vec<String> = records.iter().map(record_text).collect();
    texts.dedup();
    texts
}

/// Returns the text of a record, with `*` for each id of an image: ids differ from run to run.
fn record_text(record: &Value) -> String {
    let members = ["action", "decision", "reason", "reference"].map(|name| record[name].as_str().unwrap_or_default());
    let text = members.join(" ");
    let is_id = |word: &str| word.len() >= 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = text.trim_end().split_inclusive(|character: char| !character.is_ascii_alphanumeric());
    let words = words.map(|word| {
        let end = word.trim_end_matches(|character: char| !character.is_ascii_alphanumeric());
        if is_id(end) { word.replace(end, "*") } else { word.to_owned() }
    });
    words.collect()
}
