//! JavaScript bindings: `checkEntry`, `checkCertificates`, `checkPolicy`, `compare`, `narrow`, `Policy`, `version` and
//! `rules`.
//!
//! Arguments may be any JavaScript value: a wrong type throws a `TypeError` that names the expected one, and never
//! decides. Objects arrive as JSON text, so that the same decoder as on a host rejects unknown members.

use std::ops::RangeInclusive;

use js_sys::{Array, Number, Object, Reflect, TypeError, Uint8Array};
use pullgate::OwnedRequest;
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// Checks one entry as an element of `list` (`"whitelist"`, `"insecure"`, `"built-in"` or `"blocked"`).
#[wasm_bindgen(js_name = checkEntry)]
pub fn check_entry(text: &JsValue, list: &JsValue) -> Result<JsValue, JsValue> {
    let text = parse_string(text, "text")?;
    let list = match list.as_string().as_deref() {
        Some("whitelist") => pullgate::EntryList::Whitelist,
        Some("insecure") => pullgate::EntryList::Insecure,
        Some("built-in") => pullgate::EntryList::BuiltIn,
        Some("blocked") => pullgate::EntryList::Blocked,
        _ => return Err(type_error("`list` must be \"whitelist\", \"insecure\", \"built-in\" or \"blocked\"")),
    };
    to_js(&pullgate::check_entry(&text, list))
}

/// Checks certificates in PEM, as of `at`, in seconds since 1970-01-01 UTC. `pem` is a string or the content of a file
/// as a `Uint8Array`.
#[wasm_bindgen(js_name = checkCertificates)]
pub fn check_certificates(pem: &JsValue, at: &JsValue) -> Result<JsValue, JsValue> {
    let bytes = match (pem.as_string(), pem.dyn_ref::<Uint8Array>()) {
        (Some(text), _) => text.into_bytes(),
        (None, Some(bytes)) => bytes.to_vec(),
        (None, None) => return Err(type_error("`pem` must be a string or a Uint8Array")),
    };
    to_js(&pullgate::check_certificates(&bytes, parse_time(at)?))
}

/// Checks a policy document, given as JSON text, as of `at`, in seconds since 1970-01-01 UTC.
#[wasm_bindgen(js_name = checkPolicy)]
pub fn check_policy(text: &JsValue, at: &JsValue) -> Result<JsValue, JsValue> {
    to_js(&pullgate::check_policy(&parse_string(text, "text")?, parse_time(at)?))
}

/// Compares two policy documents, both given as JSON text, as of `at`, in seconds since 1970-01-01 UTC. Returns
/// `{ok: true, comparison}`, or `{ok: false, first, second}` with the findings of documents that do not load.
#[wasm_bindgen]
pub fn compare(old: &JsValue, new: &JsValue, at: &JsValue) -> Result<JsValue, JsValue> {
    let result = Object::new();
    match pullgate::compare(&parse_string(old, "old")?, &parse_string(new, "new")?, parse_time(at)?) {
        Ok(comparison) => {
            set(&result, "ok", true.into())?;
            set(&result, "comparison", to_js(&comparison)?)?;
        }
        Err(why) => set_load_findings(&result, &why)?,
    }
    Ok(result.into())
}

/// Narrows a policy to the lists of another document, both given as JSON text, as of `at`. Returns
/// `{ok: true, document}`, `{ok: false, uncovered}` with the entry that the policy does not cover, or
/// `{ok: false, first, second}` with the findings of documents that do not load.
#[wasm_bindgen]
pub fn narrow(policy: &JsValue, remote: &JsValue, at: &JsValue) -> Result<JsValue, JsValue> {
    let result = Object::new();
    match pullgate::narrow(&parse_string(policy, "policy")?, &parse_string(remote, "remote")?, parse_time(at)?) {
        Ok(document) => {
            set(&result, "ok", true.into())?;
            set(&result, "document", document.into())?;
        }
        Err(pullgate::NarrowError::Unreadable(why)) => set_load_findings(&result, &why)?,
        Err(pullgate::NarrowError::Uncovered(uncovered)) => {
            set(&result, "ok", false.into())?;
            set(&result, "uncovered", to_js(&*uncovered)?)?;
        }
    }
    Ok(result.into())
}

fn set_load_findings(result: &Object, why: &pullgate::CompareError) -> Result<(), JsValue> {
    set(result, "ok", false.into())?;
    set(result, "first", to_js(&why.first)?)?;
    set(result, "second", to_js(&why.second)?)
}

/// Returns the pullgate version of this module.
#[wasm_bindgen]
pub fn version() -> String {
    pullgate::VERSION.to_owned()
}

/// Returns the SHA-256 of the source of the rules, in lower-case hexadecimal.
#[wasm_bindgen]
pub fn rules() -> String {
    pullgate::RULES_SHA256.to_owned()
}

/// A policy, ready to decide.
#[wasm_bindgen]
pub struct Policy(pullgate::Policy);

#[wasm_bindgen]
impl Policy {
    /// Loads a policy document, given as JSON text, as of `at`, in seconds since 1970-01-01 UTC. Returns
    /// `{ok: true, findings, policy}`, or `{ok: false, findings}` for a document with an error.
    pub fn load(text: &JsValue, at: &JsValue) -> Result<JsValue, JsValue> {
        let result = Object::new();
        match pullgate::Policy::load(&parse_string(text, "text")?, parse_time(at)?) {
            Ok(loaded) => {
                set(&result, "ok", true.into())?;
                set(&result, "findings", to_js(&loaded.findings)?)?;
                set(&result, "policy", Self(loaded.policy).into())?;
            }
            Err(findings) => {
                set(&result, "ok", false.into())?;
                set(&result, "findings", to_js(&findings)?)?;
            }
        }
        Ok(result.into())
    }

    /// Decides one request: an image reference, or `{reference, kind?, project?, dnsAnswers?}`.
    pub fn decide(&self, question: &JsValue) -> Result<JsValue, JsValue> {
        js_sys::JSON::parse(&self.decide_text(question)?)
    }

    /// Decides many requests, given as an array, in order.
    #[wasm_bindgen(js_name = decideMany)]
    pub fn decide_many(&self, requests: &JsValue) -> Result<JsValue, JsValue> {
        if !Array::is_array(requests) {
            return Err(type_error("`requests` must be an array"));
        }
        let answers = Array::new();
        for question in Array::from(requests).iter() {
            answers.push(&self.decide(&question)?);
        }
        Ok(answers.into())
    }

    /// Returns the canonical text of a decision: one line of JSON, the same bytes on every surface (rule D4).
    #[wasm_bindgen(js_name = decideText)]
    pub fn decide_text(&self, question: &JsValue) -> Result<String, JsValue> {
        Ok(self.0.answer(&parse_request(question)?.as_request()).to_json())
    }

    /// Returns the trust anchors of the policy and its projects, sorted by fingerprint:
    /// `{fingerprint, title, der, notBefore, notAfter}`, with `der` as a `Uint8Array` and times in seconds since
    /// 1970-01-01 UTC.
    pub fn authorities(&self) -> Result<Array, JsValue> {
        let authority = |authority: &pullgate::TrustAnchor| {
            let object = Object::new();
            set(&object, "fingerprint", authority.fingerprint.as_str().into())?;
            set(&object, "title", authority.title.as_str().into())?;
            set(&object, "der", Uint8Array::from(authority.der.as_slice()).into())?;
            set(&object, "notBefore", (authority.not_before as f64).into())?;
            set(&object, "notAfter", (authority.not_after as f64).into())?;
            Ok(JsValue::from(object))
        };
        self.0.authorities().iter().map(authority).collect::<Result<Array, JsValue>>()
    }

    /// Decides one request and returns the reasoning in `steps` (rule D3).
    pub fn explain(&self, question: &JsValue) -> Result<JsValue, JsValue> {
        js_sys::JSON::parse(&self.0.explain(&parse_request(question)?.as_request()).to_json())
    }
}

/// Parses a JavaScript request: `{reference, kind?, project?, dnsAnswers?}`, or a string for an image reference.
fn parse_request(value: &JsValue) -> Result<OwnedRequest, JsValue> {
    // The commonest request needs no JSON.
    if let Some(reference) = value.as_string() {
        return Ok(OwnedRequest { reference, ..OwnedRequest::default() });
    }
    // `JSON.stringify` returns no text for `undefined`, a function or a symbol.
    let text = js_sys::JSON::stringify(value)?.as_string().unwrap_or_else(|| "null".to_owned());
    OwnedRequest::from_json(&well_formed(&text)).map_err(|findings| {
        let messages: Vec<String> = findings
            .into_iter()
            .map(|finding| format!("{}: {}", finding.path.unwrap_or_default(), finding.message))
            .collect();
        type_error(&format!("the request cannot be read: {}", messages.join("; ")))
    })
}

/// Replaces lone surrogates in the output of `JSON.stringify` with U+FFFD, like wasm-bindgen in every string argument.
/// `JSON.stringify` writes lone surrogates, and nothing else, as escapes from `\ud800` to `\udfff`.
fn well_formed(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        // The escape with its first two digits, for a `\u`.
        let escape = rest.get(at..at + 4).unwrap_or_default();
        let lone = escape.starts_with("\\ud") && matches!(escape.as_bytes().last(), Some(b'8'..=b'9' | b'a'..=b'f'));
        let (kept, passed) = if lone { (at, at + 6) } else { (at + 2, at + 2) };
        text.push_str(rest.get(..kept).unwrap_or_default());
        if lone {
            text.push(char::REPLACEMENT_CHARACTER);
        }
        rest = rest.get(passed..).unwrap_or_default();
    }
    text.push_str(rest);
    text
}

fn parse_string(value: &JsValue, name: &str) -> Result<String, JsValue> {
    value.as_string().ok_or_else(|| type_error(&format!("`{name}` must be a string")))
}

/// Parses a whole number of seconds. A JavaScript number is exact up to 2^53 of them.
fn parse_time(value: &JsValue) -> Result<u64, JsValue> {
    const VALID_SECONDS: RangeInclusive<f64> = 0.0..=Number::MAX_SAFE_INTEGER;
    match value.as_f64() {
        Some(at) if VALID_SECONDS.contains(&at) && at.fract() == 0.0 => Ok(at as u64),
        _ => Err(type_error("`at` must be a whole number of seconds since 1970-01-01 UTC")),
    }
}

fn to_js<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, JsValue> {
    Ok(value.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?)
}

fn set(object: &Object, name: &str, value: JsValue) -> Result<(), JsValue> {
    Reflect::set(object, &name.into(), &value).map(|_| ())
}

fn type_error(message: &str) -> JsValue {
    TypeError::new(message).into()
}
