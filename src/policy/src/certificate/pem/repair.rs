//! PEM that was damaged on its way in a manner that leaves no doubt about its certificates (rule C9): escaped or lost
//! line ends, base64 around it, a path in its place.

use std::ops::Range;

use crate::certificate::der::DerKind;
use crate::certificate::pem::blocks::read_blocks;
use crate::certificate::pem::content::{CertificateDer, bare_der_finding, decode_base64, not_a_certificate};
use crate::certificate::pem::lines::{
    BEGIN_PREFIX, HYPHENS, PRIVATE_KEY_LABEL, boundary_len, contains_bytes, find_bytes,
};
use crate::finding::RawFinding;
use crate::finding::code::Code;

/// The maximum length of a path in bytes.
const MAX_PATH_BYTES: usize = 1_024;

/// Returns the finding about a part of the text whose line ends are lost, with the plain PEM as its fix; `None` if its
/// certificates are in doubt. `line` is the number of its first line.
pub(super) fn lost_line_ends(part: &[u8], span: Range<usize>, line: usize) -> Option<RawFinding> {
    let (pem, cause) = restore_line_ends(part)?;
    let message = format!("the PEM that begins on line {line} {cause}: write the plain PEM");
    Some(RawFinding::new(Code::PemArmour, span, message).with_fix(pem))
}

/// Returns the finding about a text that is nothing but base64: of DER, or of a PEM.
pub(super) fn bare_base64(text: &[u8]) -> Option<RawFinding> {
    let is_around = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'');
    let base64: Vec<u8> = text.iter().copied().filter(|byte| !is_around(byte)).collect();
    let decoded = decode_base64(&base64)?;
    let whole = 0..text.len();
    if !contains_bytes(&decoded, BEGIN_PREFIX) {
        let message = "the certificate lacks its BEGIN and END lines";
        return bare_der_finding(&decoded, RawFinding::new(Code::PemArmour, whole, message));
    }
    if contains_bytes(&decoded, PRIVATE_KEY_LABEL.as_bytes()) {
        return not_a_certificate(DerKind::PrivateKey, whole, "this is, in base64,");
    }
    let message =
        "this is the base64 of a PEM, as a Secret or a `caBundle` of Kubernetes has it: write the PEM itself, decoded";
    let finding = RawFinding::new(Code::PemInBase64, whole, message);
    let pem = plain_pem(&decoded).or_else(|| restore_line_ends(&decoded).map(|(pem, _)| pem));
    Some(match pem {
        Some(pem) => finding.with_fix(pem),
        None => finding,
    })
}

/// Returns whether a text is the path of a file.
pub(super) fn is_path(text: &[u8]) -> bool {
    const PREFIXES: [&str; 6] = ["/", "./", "../", "~/", "\\\\", "file:"];
    const EXTENSIONS: [&str; 7] = [".pem", ".crt", ".cer", ".der", ".p7b", ".p12", ".pfx"];
    let Ok(text) = std::str::from_utf8(text.trim_ascii()) else { return false };
    let lower = text.to_ascii_lowercase();
    let has_drive = matches!(text.as_bytes(), [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic());
    text.len() <= MAX_PATH_BYTES
        && !text.contains(char::is_control)
        && (has_drive
            || PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
            || EXTENSIONS.iter().any(|extension| lower.ends_with(extension)))
}

/// Returns the plain PEM of a text whose blocks are all sound certificates, and nothing else.
fn plain_pem(text: &[u8]) -> Option<String> {
    let mut findings = Vec::new();
    let blocks = read_blocks(text, &mut findings).blocks;
    // A certificate with trust settings may be rejected by them, and plain PEM would lose that.
    if !findings.is_empty() || blocks.is_empty() || blocks.iter().any(|block| block.trusted) {
        return None;
    }
    blocks.iter().map(|block| Some(CertificateDer::parse(&block.der)?.to_pem())).collect()
}

/// Restores lost line ends. Returns the plain PEM, and the cause in words that follow "the PEM".
fn restore_line_ends(text: &[u8]) -> Option<(String, &'static str)> {
    if contains_bytes(text, PRIVATE_KEY_LABEL.as_bytes()) {
        return None;
    }
    let unescaped = unescape_line_ends(text);
    let pem = plain_pem(&insert_line_ends(unescaped.as_deref().unwrap_or(text)))?;
    let cause = match (unescaped, after_first_begin(text)) {
        (Some(_), _) => "has its line ends written as `\\n`",
        (None, [b' ' | b'\t', rest @ ..]) if !matches!(rest.trim_ascii_start(), [] | [b'-', ..]) => {
            "has blanks in place of its line ends"
        }
        (None, [first, ..]) if first.is_ascii_alphanumeric() => "lacks line ends",
        _ => "has more than the boundary on a BEGIN or END line",
    };
    Some((pem, cause))
}

/// Returns the rest of the line after the first BEGIN boundary.
fn after_first_begin(text: &[u8]) -> &[u8] {
    let rest = || {
        let boundary = text.get(find_bytes(text, BEGIN_PREFIX)?..)?;
        let rest = boundary.get(boundary_len(boundary)?..)?;
        rest.split(|byte| matches!(byte, b'\n' | b'\r')).next()
    };
    rest().unwrap_or_default()
}

/// Replaces `\n` and `\r`, in two characters or more, by line ends, and drops quotes; `None` if there are none.
fn unescape_line_ends(text: &[u8]) -> Option<Vec<u8>> {
    let mut unescaped = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    let mut is_escaped = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                while bytes.next_if_eq(&b'\\').is_some() {}
                if bytes.next_if(|next| matches!(next, b'n' | b'r')).is_some() {
                    unescaped.push(b'\n');
                    is_escaped = true;
                }
            }
            b'"' | b'\'' => {}
            byte => unescaped.push(byte),
        }
    }
    is_escaped.then_some(unescaped)
}

/// Puts every boundary on a line of its own.
fn insert_line_ends(text: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, boundary)) = find_bytes(rest, HYPHENS).and_then(|at| rest.split_at_checked(at)) {
        lines.extend_from_slice(before);
        let length = boundary_len(boundary);
        let (taken, after) = boundary.split_at_checked(length.unwrap_or(1)).unwrap_or((boundary, b""));
        if length.is_some() {
            lines.push(b'\n');
            lines.extend_from_slice(taken);
            lines.push(b'\n');
        } else {
            lines.extend_from_slice(taken);
        }
        rest = after;
    }
    lines.extend_from_slice(rest);
    lines
}
