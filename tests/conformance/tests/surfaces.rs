//! Every surface gives the same bytes (rule D4).

use pullgate_host::Module;
use pullgate_tests::component::Component;
use pullgate_tests::node;
use pullgate_tests::surface::{Native, Surface, lines};
use pullgate_tests::vectors;

#[test]
fn the_module_is_of_these_rules() {
    let module = Module::built_in().expect("the component is built: run `cargo xtask module` first");
    assert_eq!(
        module.rules_digest().unwrap(),
        pullgate::RULES_SHA256,
        "the module is of other rules: run `cargo xtask module`"
    );
    assert_eq!(module.version().unwrap(), pullgate::VERSION);
}

#[test]
fn the_component_answers_as_native_code_does() {
    same("the component under wasmtime", &all(&Component::new()));
}

#[test]
fn the_module_in_node_answers_as_native_code_does() {
    same("the module in Node", &node::run("vectors.mjs", &[]));
}

fn all<S: Surface>(surface: &S) -> Vec<String> {
    vectors::all().iter().flat_map(|case| lines(surface, case)).collect()
}

fn same(name: &str, theirs: &[String]) {
    let ours = all(&Native);
    let differing: Vec<String> = ours
        .iter()
        .zip(theirs)
        .filter(|(ours, theirs)| ours != theirs)
        .map(|(ours, theirs)| format!("native: {ours}\nthere:  {theirs}"))
        .collect();
    let (count, shown) = (differing.len(), differing.iter().take(5).cloned().collect::<Vec<_>>().join("\n"));
    assert!(differing.is_empty(), "{name} differs in {count} of {} answers, the first of them:\n{shown}", ours.len());
    assert_eq!(ours.len(), theirs.len(), "{name} gives another number of answers");
    println!("{name}: {} answers are the same bytes", ours.len());
}
