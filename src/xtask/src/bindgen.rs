//! The JavaScript face: what the library behind the program `wasm-bindgen` makes of the compiled module.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;
use wasmparser::{Parser, Payload};

use crate::component::GLUE;
use crate::wasm_sections;

/// A module that JavaScript can load, with what loads it.
pub struct Bound {
    /// The module, with its custom sections.
    pub wasm: Vec<u8>,
    /// The glue, an ES module.
    pub js: String,
    /// The types of the glue.
    pub types: String,
}

/// Runs `wasm-bindgen` over a compiled module, in a folder of its own.
pub fn bind(compiled: &[u8], folder: &Path) -> Result<Bound> {
    // A standard library that was compiled elsewhere announces reference types, and `wasm-bindgen` would then use them;
    // a component cannot be made of such a module.
    let compiled = wasm_sections::without(compiled, &|name| name == "target_features")?;
    let mut bindgen = Bindgen::new();
    bindgen.input_bytes("pullgate", compiled).web(true)?.typescript(true);
    bindgen.generate(folder)?;
    let read = |name: &str| fs::read(folder.join(name)).with_context(|| format!("`wasm-bindgen` wrote no `{name}`"));
    let wasm = read("pullgate_bg.wasm")?;
    let js = without_component_imports(&String::from_utf8(read("pullgate.js")?)?, &component_imports(&wasm)?)?;
    Ok(Bound { wasm, js, types: String::from_utf8(read("pullgate.d.ts")?)? })
}

/// A function that the component face imports: module and name.
type Import = (String, String);

fn component_imports(wasm: &[u8]) -> Result<Vec<Import>> {
    let mut imports = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let Payload::ImportSection(section) = payload? else { continue };
        for import in section.into_imports() {
            let import = import?;
            if import.module != GLUE {
                imports.push((import.module.to_owned(), import.name.to_owned()));
            }
        }
    }
    Ok(imports)
}

/// The component face imports the functions that make and drop the handles of its resources. For `wasm-bindgen` those
/// are ES modules, one for each function, that nobody has; the glue gets functions of its own in their place. No
/// JavaScript reaches them.
fn without_component_imports(js: &str, imports: &[Import]) -> Result<String> {
    let mut modules: Vec<&str> = imports.iter().map(|(module, _)| module.as_str()).collect();
    modules.dedup();
    let (mut kept, mut replaced) = (String::new(), Vec::new());
    for line in js.lines() {
        let module = modules.iter().find(|module| line.contains(&format!("\"{module}\"")));
        match module {
            None => kept.push_str(line),
            Some(_) if line.starts_with("import * as ") => continue,
            Some(module) if !replaced.contains(module) => {
                replaced.push(module);
                kept.push_str(&format!("        \"{module}\": {{ {} }},", functions(module, imports)));
            }
            Some(_) => continue,
        }
        kept.push('\n');
    }
    if replaced.len() != modules.len() || kept.contains("\nimport ") {
        bail!("the glue of this version of `wasm-bindgen` is not as this task knows it");
    }
    kept.push_str("function componentOnly() { throw new Error(\"only a component host gives this function\"); }\n");
    Ok(kept)
}

fn functions(module: &str, imports: &[Import]) -> String {
    let names = imports.iter().filter(|(of, _)| of == module).map(|(_, name)| format!("\"{name}\": componentOnly"));
    names.collect::<Vec<_>>().join(", ")
}
