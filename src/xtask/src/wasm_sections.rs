//! Sections of WebAssembly files. Custom sections are not part of a module's semantics, and their bytes depend on tools:
//! without them, the same module has the same bytes.

use std::ops::Range;

use anyhow::Result;
use wasm_encoder::Encode;
use wasmparser::{Parser, Payload};

/// Returns a core module or component without the custom sections that `unwanted` selects, nested ones included.
pub fn without_custom(wasm: &[u8], unwanted: &dyn Fn(&str) -> bool) -> Result<Vec<u8>> {
    let mut kept = wasm[..HEADER_BYTES].to_vec();
    for section in sections(wasm)? {
        let data = match &section.content {
            Content::Custom(name) if unwanted(name) => continue,
            Content::Nested => without_custom(&wasm[section.range], unwanted)?,
            Content::Custom(_) | Content::Other => wasm[section.range].to_vec(),
        };
        kept.push(section.id);
        data.encode(&mut kept);
    }
    Ok(kept)
}

/// Returns the core modules in a component, in order.
pub fn core_modules(component: &[u8]) -> Result<Vec<&[u8]>> {
    let nested = sections(component)?.into_iter().filter(|section| matches!(section.content, Content::Nested));
    Ok(nested.map(|section| &component[section.range]).filter(|wasm| Parser::is_core_wasm(wasm)).collect())
}

/// Length of magic number and version.
const HEADER_BYTES: usize = 8;

struct Section {
    id: u8,
    range: Range<usize>,
    content: Content,
}

enum Content {
    Custom(String),
    Nested,
    Other,
}

/// Returns the outermost sections of a file.
fn sections(wasm: &[u8]) -> Result<Vec<Section>> {
    let mut sections = Vec::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        let content = match &payload {
            Payload::CustomSection(custom) => Content::Custom(custom.name().to_owned()),
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => Content::Nested,
            _ => Content::Other,
        };
        let nests = matches!(content, Content::Nested);
        if let Some((id, range)) = payload.as_section()
            && depth == 0
        {
            let range = usize::try_from(range.start)?..usize::try_from(range.end)?;
            sections.push(Section { id, range, content });
        }
        // The parser goes on inside what is nested, down to its end.
        match payload {
            _ if nests => depth += 1,
            Payload::End(_) if depth > 0 => depth -= 1,
            _ => {}
        }
    }
    Ok(sections)
}
