//! The parts of the module by size, from the names of its functions.
//!
//! The module is optimised once more with its names, and compared to be the same code. The compressed size of a part is
//! its share of the whole: that which it has of the sum of all parts, each compressed by itself.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

use crate::dist::{self, MODULE};
use crate::markdown::{self, BENCHMARKS, Document};
use crate::module::{gzip, linked_module};
use crate::wasm_opt;
use crate::wasm_sections::without_custom;

/// The name of the section in the documentation.
const SECTION: &str = "module-parts";

/// Writes the table of parts into the documentation, and prints it. The module must be built.
pub fn write() -> Result<()> {
    let (linked, folder) = linked_module()?;
    let named = wasm_opt::optimize_with_names(&linked, &folder.join("named"))?;
    let shipped = fs::read(dist::folder().join(MODULE))?;
    if without_custom(&named, &|_| true)? != shipped {
        bail!("the module that is to be measured is not the one in `pkg/dist`: run `cargo xtask module --force`");
    }
    let table = table(&ModuleParts::read(&named)?, gzip(&shipped)?)?;
    println!("\n{table}");
    let mut document = Document::open(BENCHMARKS)?;
    document.replace(SECTION, &table)?;
    document.write()
}

/// A part with the bytes of its functions, or of its data.
#[derive(Default)]
struct Part {
    functions: u64,
    bytes: Vec<u8>,
}

struct ModuleParts(BTreeMap<String, Part>);

impl ModuleParts {
    fn read(wasm: &[u8]) -> Result<Self> {
        let (mut imported, mut bodies, mut names, mut parts) = (0, Vec::new(), BTreeMap::new(), BTreeMap::new());
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::CodeSectionEntry(body) => bodies.push(body.as_bytes()),
                Payload::DataSection(section) => {
                    let data: &mut Part = parts.entry("texts and tables".to_owned()).or_default();
                    for segment in section {
                        data.bytes.extend_from_slice(segment?.data);
                    }
                }
                Payload::CustomSection(section) => {
                    let KnownCustom::Name(section) = section.as_known() else { continue };
                    for subsection in section {
                        let Name::Function(functions) = subsection? else { continue };
                        for naming in functions {
                            let naming = naming?;
                            names.insert(naming.index, naming.name);
                        }
                    }
                }
                _ => {}
            }
        }
        for (index, body) in (imported..).zip(bodies) {
            let name = names.get(&index).with_context(|| format!("function {index} of the module has no name"))?;
            let part: &mut Part = parts.entry(part_of(name)).or_default();
            part.functions += 1;
            part.bytes.extend_from_slice(body);
        }
        Ok(Self(parts))
    }
}

/// Crates with the part that they belong to. All others are a part together.
const CRATES: [(&str, &[&str]); 4] = [
    (BINDINGS, &["js_sys", "pullgate_module", "serde_wasm_bindgen", "wasm_bindgen", "wit_bindgen"]),
    ("standard library and its allocator", &["__rustc", "alloc", "compiler_builtins", "core", "dlmalloc", "std"]),
    ("crates for certificates", &["base64ct", "const_oid", "der", "pem_rfc7468", "sha1", "sha2", "spki", "x509_cert"]),
    ("crates for names and addresses", &["idna", "idna_adapter", "ipnet", "smallvec", "utf8_iter"]),
];

const OTHERS: &str = "other crates";
const BINDINGS: &str = "bindings for JavaScript and for components";

/// Returns the part of a function by its demangled name, in which each crate is followed by its hash in brackets. A
/// function of another crate belongs to the part of the rules that it is compiled for.
fn part_of(name: &str) -> String {
    if let Some((_, path)) = name.split_once("pullgate[")
        && let Some((_, path)) = path.split_once("]::")
    {
        let module = path.split(|character: char| !character.is_ascii_lowercase() && character != '_').next();
        return match module {
            Some(module @ ("load" | "policy")) => format!("`{module}`, with what is inlined there"),
            Some(module) if !module.is_empty() => format!("`{module}`"),
            _ => "other rules".to_owned(),
        };
    }
    match first_crate(name) {
        Some(first) => CRATES.iter().find(|(_, crates)| crates.contains(&first)).map_or(OTHERS, |(part, _)| part),
        // Exports have names without a crate.
        None if name.contains("::") => OTHERS,
        None => BINDINGS,
    }
    .to_owned()
}

/// Returns the first crate in a name.
fn first_crate(name: &str) -> Option<&str> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    name.match_indices('[').find_map(|(end, _)| {
        let before = &name[..end];
        let start = before.rfind(|character| !is_word(character)).map_or(0, |last| last + 1);
        Some(&before[start..]).filter(|word| !word.is_empty())
    })
}

fn table(ModuleParts(parts): &ModuleParts, whole: usize) -> Result<String> {
    let mut rows = Vec::new();
    for (name, Part { functions, bytes }) in parts {
        rows.push((name, *functions, bytes.len(), gzip(bytes)?));
    }
    rows.sort_by_key(|(.., compressed)| std::cmp::Reverse(*compressed));
    let sum: usize = rows.iter().map(|(.., compressed)| compressed).sum();
    let row = |name: &str, functions: u64, bytes: usize, compressed: f64| -> Vec<Value> {
        let functions = if functions > 0 { json!(functions) } else { Value::Null };
        vec![json!(name), functions, json!(bytes), json!(compressed / 1_000.0)]
    };
    let mut table: Vec<_> = rows
        .iter()
        .map(|(name, functions, bytes, compressed)| {
            row(name, *functions, *bytes, *compressed as f64 / sum as f64 * whole as f64)
        })
        .collect();
    let functions = rows.iter().map(|(_, functions, ..)| functions).sum();
    let bytes = rows.iter().map(|(_, _, bytes, _)| bytes).sum();
    table.push(row("all", functions, bytes, whole as f64));
    Ok(markdown::table(&["part", "functions", "bytes", "KB of the whole with gzip"].map(str::to_owned), &table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_belongs_to_the_rules_that_it_is_compiled_for() {
        let standard = "standard library and its allocator";
        for (name, part) in [
            ("pullgate[75be]::compare::narrow::narrow", "`compare`"),
            ("<pullgate[75be]::policy::Policy>::explain", "`policy`, with what is inlined there"),
            ("<alloc[a1]::vec::Vec<pullgate[75be]::finding::Finding>>::push", "`finding`"),
            ("<pullgate[75be]::Policy as core[b4]::ops::Drop>::drop", "other rules"),
            ("core[b4]::fmt::write", standard),
            ("<dlmalloc[e7]::dlmalloc::Dlmalloc<dlmalloc[e7]::sys::System>>::malloc", standard),
            ("<x509_cert[12]::name::Name as der[1e]::decode::Decode>::decode", "crates for certificates"),
            ("<[core[b4]::mem::MaybeUninit<u8>]>::trim_matches", standard),
            ("strsim[aa]::jaro", "other crates"),
            ("pullgate_module[b6]::js::parse_request", BINDINGS),
            ("pullgate:policy/admission@0.1.0#[method]policy.decide", BINDINGS),
            ("checkCertificates", BINDINGS),
        ] {
            assert_eq!(part_of(name), part, "{name}");
        }
    }

    #[test]
    fn parts_have_names_sizes_and_shares() {
        let wat = r#"(module
            (import "m" "f" (func $imported))
            (memory 1)
            (func $"pullgate[1]::entry::parse" nop nop nop)
            (func $"core[1]::fmt::write" nop)
            (data (i32.const 0) "text"))"#;
        let parts = ModuleParts::read(&wat::parse_str(wat).unwrap()).unwrap();
        let table = table(&parts, 100).unwrap();
        assert!(table.contains("| `entry` | 1 | 5 | "), "{table}");
        assert!(table.contains("| texts and tables | | 4 | "), "{table}");
        assert!(table.ends_with("| all | 2 | 12 | 0.100 |\n"), "{table}");
    }
}
