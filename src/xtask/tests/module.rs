//! Takes apart what `cargo xtask module` wrote: the npm package and the component carry the same module, byte for byte,
//! and the component needs nothing from its host.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use wasmparser::{Parser, Payload, Validator, WasmFeatures};
use wit_component::DecodedWasm;
use wit_parser::{Resolve, WorldId, WorldKey};

/// Largest size of the module with gzip, in bytes: keeps it from growing unseen. `docs/benchmarks.md` lists its parts. The
/// plain Unicode tables brought it from 240,000 to 244,000, the public suffix list to 258,000, the notations of other
/// programs with their messages to 265,000, the forms of PEM, unlisted projects and near entries to 284,000, and patterns
/// and blocked registries, with a comparison that tells their overlaps apart, to this.
const MAX_GZIP: usize = 305_000;
/// The size that the glue may have, in bytes with gzip.
const MAX_GLUE_GZIP: usize = 3_500;

#[test]
fn the_component_carries_the_module_of_the_npm_package_byte_for_byte() {
    let component = dist("pullgate.component.wasm");
    let first = Parser::new(0).parse_all(&component).find_map(|payload| match payload.expect("the component parses") {
        Payload::ModuleSection { unchecked_range, .. } => Some(unchecked_range),
        _ => None,
    });
    let range = first.expect("the component has a core module");
    let core = &component[range.start as usize..range.end as usize];
    assert!(core == dist("pullgate_bg.wasm"), "the core module in the component is not the npm package's");
}

#[test]
fn the_component_imports_nothing() {
    let component = dist("pullgate.component.wasm");
    // What is nested in the component has imports, of its other parts.
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(&component) {
        match payload.expect("the component parses") {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                let names: Vec<_> = section.into_iter().map(|import| import.expect("an import").name.name).collect();
                panic!("the component imports {names:?}");
            }
            _ => {}
        }
    }
    let (resolve, world) = decoded(&component);
    assert!(resolve.worlds[world].imports.is_empty());
}

#[test]
fn the_component_exports_the_world_and_nothing_else() {
    let mut written = Resolve::default();
    let (package, _) = written.push_path(root().join("wit")).expect("the WIT parses");
    let wanted = written.select_world(&[package], Some("pullgate")).expect("the WIT has the world");
    let (resolve, world) = decoded(&dist("pullgate.component.wasm"));
    assert_eq!(exports(&resolve, world), exports(&written, wanted));
}

#[test]
fn the_module_needs_neither_reference_types_nor_multiple_values() {
    let features = WasmFeatures::WASM1
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION;
    assert!(!features.intersects(WasmFeatures::REFERENCE_TYPES | WasmFeatures::MULTI_VALUE));
    let mut validator = Validator::new_with_features(features);
    validator.validate_all(&dist("pullgate_bg.wasm")).expect("the module is valid without those features");
}

#[test]
fn the_module_has_no_custom_sections() {
    for payload in Parser::new(0).parse_all(&dist("pullgate_bg.wasm")) {
        if let Payload::CustomSection(section) = payload.expect("the module parses") {
            panic!("the module has a custom section `{}`", section.name());
        }
    }
}

#[test]
fn the_module_says_nothing_of_where_it_was_built() {
    let module = dist("pullgate_bg.wasm");
    let home = std::env::home_dir().expect("there is a home folder");
    for folder in [root().canonicalize().expect("the checkout is there"), home] {
        let folder = folder.to_str().expect("the folder's name is UTF-8").as_bytes();
        assert!(!module.windows(folder.len()).any(|window| window == folder), "the module names a folder");
    }
}

#[test]
fn the_module_and_its_glue_are_small() {
    for (name, most) in [("pullgate_bg.wasm", MAX_GZIP), ("pullgate.js", MAX_GLUE_GZIP)] {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&dist(name)).expect("memory takes everything");
        let size = encoder.finish().expect("memory takes everything").len();
        println!("{name} has {size} bytes with gzip");
        assert!(size <= most, "{name} has {size} bytes with gzip, over {most}");
    }
}

/// Interfaces by name, each with its functions.
fn exports(resolve: &Resolve, world: WorldId) -> Vec<(String, Vec<String>)> {
    let mut interfaces: Vec<_> = resolve.worlds[world]
        .exports
        .keys()
        .map(|key| {
            let WorldKey::Interface(id) = key else { panic!("the world exports something beside interfaces") };
            let mut functions: Vec<_> = resolve.interfaces[*id].functions.keys().cloned().collect();
            functions.sort();
            (resolve.name_world_key(key), functions)
        })
        .collect();
    interfaces.sort();
    interfaces
}

fn decoded(component: &[u8]) -> (Resolve, WorldId) {
    match wit_component::decode(component).expect("the component tells its interface") {
        DecodedWasm::Component(resolve, world) => (resolve, world),
        DecodedWasm::WitPackage(..) => panic!("this is no component"),
    }
}

fn dist(name: &str) -> Vec<u8> {
    let path = root().join("pkg/dist").join(name);
    fs::read(path).unwrap_or_else(|error| panic!("no `pkg/dist/{name}` ({error}): run `cargo xtask module` first"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
