//! The description of the HTTP API, OpenAPI 3.1, as a page.

use std::fmt::Write;

use serde_json::Value;

const HEADING: &str = "\
# The HTTP API

The daemon serves it where `listen` says ([daemon.md](../daemon.md#the-http-api) has who may ask, and how much at once), and
describes it at `/v1/openapi.json`, of which this page is made. A request and its answer are JSON; an error is an
[`ApiError`](#apierror), with a code that never changes its meaning.
";

/// Returns the page.
pub fn page(description: &Value) -> String {
    let mut page = HEADING.to_owned();
    for (path, operations) in members(&description["paths"]) {
        for (method, operation) in members(operations) {
            write_operation(&mut page, &method.to_uppercase(), path, operation);
        }
    }
    page += "\n## Types\n";
    for (name, schema) in members(&description["components"]["schemas"]) {
        write_type(&mut page, name, schema);
    }
    page
}

fn write_operation(page: &mut String, method: &str, path: &str, operation: &Value) {
    write!(page, "\n## `{method} {path}`\n\n").unwrap();
    for text in ["summary", "description"].iter().filter_map(|member| operation[member].as_str()) {
        writeln!(page, "{text}\n").unwrap();
    }
    let body = &operation["requestBody"];
    if body.is_object() {
        let about = body["description"].as_str().map_or_else(String::new, |text| format!(", {text}"));
        writeln!(page, "Request: {}{about}\n", content_type(body)).unwrap();
    }
    page.push_str("| status | answer | |\n|---|---|---|\n");
    for (status, response) in members(&operation["responses"]) {
        let about = response["description"].as_str().unwrap_or_default();
        writeln!(page, "| {status} | {} |{} |", content_type(response), cell(about)).unwrap();
    }
}

/// Returns the type of a request or a response.
fn content_type(content: &Value) -> String {
    let Some((media_type, content)) = members(&content["content"]).next() else { return String::new() };
    if media_type == "application/json" { type_of(&content["schema"]) } else { format!("`{media_type}`") }
}

fn write_type(page: &mut String, name: &str, schema: &Value) {
    let about = schema["description"].as_str().unwrap_or_default();
    write!(page, "\n### `{name}`\n\n{about}\n\n| member | type | |\n|---|---|---|\n").unwrap();
    let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
    for (member, schema) in members(&schema["properties"]) {
        let about = cell(schema["description"].as_str().unwrap_or_default());
        let optional = if required.iter().any(|name| name == member) { "" } else { ", optional" };
        writeln!(page, "| `{member}` | {}{optional} |{about} |", type_of(schema)).unwrap();
    }
}

/// Returns a type in words, with a link where it is one of the page's.
fn type_of(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return format!("[`{name}`](#{})", name.to_lowercase());
    }
    if let Some(one) = schema["oneOf"].as_array().and_then(|types| types.iter().find(|of| of["type"] != "null")) {
        return type_of(one);
    }
    let of = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        one => one.as_str(),
    };
    match of {
        Some("array") => format!("array of {}", type_of(&schema["items"])),
        Some(name) => name.to_owned(),
        None => "any".to_owned(),
    }
}

fn members(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

/// Returns a text for a cell of a table, which a bar or a new line would end, with a space before it if there is any.
fn cell(text: &str) -> String {
    let space = if text.is_empty() { "" } else { " " };
    format!("{space}{}", text.replace('|', "\\|").replace('\n', " "))
}
