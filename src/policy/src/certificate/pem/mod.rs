//! PEM (rules C3, C8 and C9): the blocks of a bundle, and what is given in place of one.

mod blocks;
mod content;
mod form;
mod lines;
mod repair;

pub(crate) use blocks::PemBlock;
pub(crate) use content::{CertificateDer, not_a_certificate};
pub(crate) use form::PemForm;

use crate::certificate::pem::blocks::{BlockScan, read_blocks};
use crate::certificate::pem::content::bare_der_finding;
use crate::certificate::pem::lines::{BEGIN_PREFIX, find_bytes};
use crate::finding::RawFinding;
use crate::finding::code::Code;

/// The maximum size of a bundle in bytes (rule C8): 1 MiB.
pub const MAX_BUNDLE_BYTES: usize = 1 << 20;
/// The maximum number of blocks in a bundle (rule C8).
pub const MAX_BLOCKS: usize = 1_000;

/// Parses the blocks of a bundle that hold certificates, and reports everything else that looks like a block.
pub(crate) fn parse_blocks(text: &[u8], findings: &mut Vec<RawFinding>) -> Vec<PemBlock> {
    if text.len() > MAX_BUNDLE_BYTES {
        // The caller may have truncated the text, so its full size is not known.
        let message = format!("a bundle has at most {MAX_BUNDLE_BYTES} bytes, and this one has more");
        findings.push(RawFinding::new(Code::BundleTooLarge, 0..0, message));
        return Vec::new();
    }
    // Counted before any block is parsed.
    let blocks = text.windows(BEGIN_PREFIX.len()).filter(|window| *window == BEGIN_PREFIX).count();
    if blocks > MAX_BLOCKS {
        let message = format!("a bundle has at most {MAX_BLOCKS} blocks, and this one has {blocks}");
        findings.push(RawFinding::new(Code::BundleTooManyBlocks, 0..0, message));
        return Vec::new();
    }
    let whole = 0..text.len();
    if matches!(text, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        let message = "the text is in UTF-16, which no program reads as PEM: save it as UTF-8 or ASCII";
        findings.push(RawFinding::new(Code::PemUtf16, whole, message));
        return Vec::new();
    }
    if let Some(finding) = binary_file_finding(text) {
        findings.push(finding);
        return Vec::new();
    }
    let mut found = Vec::new();
    let BlockScan { blocks, folded_lines, mut has_candidates } = read_blocks(text, &mut found);
    let mut is_repaired = false;
    for line in folded_lines {
        let part = text.get(line.span.clone()).unwrap_or_default();
        if let (Some(mut repaired), Some(finding)) =
            (repair::lost_line_ends(part, line.span, line.number), found.get_mut(line.finding))
        {
            // The line keeps its end.
            repaired.fix = repaired.fix.map(|fix| fix.trim_end().to_owned());
            (*finding, is_repaired) = (repaired, true);
        }
    }
    if blocks.is_empty() && !is_repaired {
        let is_damaged = found.iter().all(|finding| matches!(finding.code, Code::PemArmour | Code::PemBase64));
        let base64 = if found.is_empty() { repair::bare_base64(text) } else { None };
        let repaired = base64
            .or_else(|| is_damaged.then(|| repair::lost_line_ends(text, whole, first_begin_line(text))).flatten());
        if let Some(repaired) = repaired {
            found = vec![repaired];
            has_candidates = true;
        }
    }
    if !has_candidates {
        found.push(RawFinding::new(Code::CertificateNone, 0..text.len(), missing_certificate_message(text)));
    }
    findings.extend(found);
    blocks
}

/// Returns the number of the line with the first BEGIN boundary, from 1.
fn first_begin_line(text: &[u8]) -> usize {
    let before = find_bytes(text, BEGIN_PREFIX).and_then(|at| text.get(..at)).unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count().saturating_add(1)
}

fn missing_certificate_message(text: &[u8]) -> &'static str {
    if text.trim_ascii().is_empty() {
        "the text is empty: it must have at least one certificate in PEM"
    } else if repair::is_path(text) {
        "this is the path of a file: write the content of the file in its place, or give the file with `--registry-ca`"
    } else {
        "there is no certificate here: one in PEM begins with the line `-----BEGIN CERTIFICATE-----`"
    }
}

/// Returns the finding about a file that is not text.
fn binary_file_finding(text: &[u8]) -> Option<RawFinding> {
    // A form field holds a binary file as text, with U+FFFD in place of malformed UTF-8.
    let garbled = text.starts_with(b"0\xef\xbf\xbd");
    let whole = 0..text.len();
    if garbled {
        let message = "this is a binary file, DER or PKCS #12: choose it as a file, or convert it to PEM first";
        return Some(RawFinding::new(Code::CertificateDer, whole, message));
    }
    let message = "this certificate is in DER, which is binary: convert it to PEM";
    bare_der_finding(text, RawFinding::new(Code::CertificateDer, whole, message))
}
