//! The component, made by `wit-component` of the module that JavaScript loads.

use anyhow::{Context, Result, bail};
use wasm_encoder::{CodeSection, ExportKind, ExportSection, Function, FunctionSection, Module, TypeSection, ValType};
use wasmparser::{Parser, Payload, TypeRef};
use wit_component::ComponentEncoder;

/// The module name of the JavaScript glue in the module's imports.
pub const GLUE_MODULE: &str = "./pullgate_bg.js";

/// Encodes the module as a component. A stub inside it stands in for the JavaScript glue, with functions that trap: no
/// export of the component reaches them.
pub fn encode(module: &[u8]) -> Result<Vec<u8>> {
    let stub = stub(module)?;
    ComponentEncoder::default()
        .module(module)
        .context("the module does not tell the world that it is made for")?
        .validate(true)
        .adapter(GLUE_MODULE, &stub)
        .context("the stand-in for the JavaScript glue does not fit")?
        .encode()
        .context("no component can be made of the module")
}

/// Returns a module that exports a function that traps for each import that the given module has from its glue.
fn stub(module: &[u8]) -> Result<Vec<u8>> {
    let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
    let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
    let mut signatures = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::TypeSection(section) => {
                signatures = section.into_iter_err_on_gc_types().collect::<wasmparser::Result<_>>()?;
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let TypeRef::Func(signature) = import.ty else {
                        bail!("the module imports `{}`, which is no function", import.name);
                    };
                    if import.module != GLUE_MODULE {
                        continue;
                    }
                    let signature = &signatures[usize::try_from(signature)?];
                    let index = functions.len();
                    types.ty().function(values(signature.params())?, values(signature.results())?);
                    functions.function(index);
                    exports.export(import.name, ExportKind::Func, index);
                    let mut body = Function::new([]);
                    body.instructions().unreachable().end();
                    code.function(&body);
                }
            }
            _ => {}
        }
    }
    let mut stub = Module::new();
    stub.section(&types).section(&functions).section(&exports).section(&code);
    Ok(stub.finish())
}

fn values(types: &[wasmparser::ValType]) -> Result<Vec<ValType>> {
    types
        .iter()
        .map(|value| match value {
            wasmparser::ValType::I32 => Ok(ValType::I32),
            wasmparser::ValType::I64 => Ok(ValType::I64),
            wasmparser::ValType::F32 => Ok(ValType::F32),
            wasmparser::ValType::F64 => Ok(ValType::F64),
            other => bail!("the JavaScript glue is given a {other}, which a component cannot stand in for"),
        })
        .collect()
}
