//! The reader of PEM blocks (rule C3): RFC 7468, and OpenSSL's additions.
//!
//! It works by lines, so that findings name the line. Blocks with private keys are skipped: never decoded, never quoted.

use std::ops::Range;

use crate::certificate::der::{self, DerKind};
use crate::certificate::pem::content::{CertificateDer, decode_base64, not_a_certificate};
use crate::certificate::pem::form::PemForm;
use crate::certificate::pem::lines::{
    BoundaryLine, LineShape, PRIVATE_KEY_LABEL, TextLine, TextLines, contains_bytes, has_whole_block,
    strip_no_break_space,
};
use crate::finding::code::Code;
use crate::finding::{RawFinding, offset_of};

/// A block with the label of a certificate.
#[derive(Debug)]
pub(crate) struct PemBlock {
    /// The span of the block, from its BEGIN line to its END line.
    pub span: Range<usize>,
    /// The number of the BEGIN line, from 1.
    pub line: usize,
    /// True if OpenSSL's trust settings may follow the certificate.
    pub trusted: bool,
    /// The form of the block.
    pub form: PemForm,
    /// The decoded content.
    pub der: Vec<u8>,
}

/// The result of reading a text.
#[derive(Debug, Default)]
pub(super) struct BlockScan {
    pub blocks: Vec<PemBlock>,
    /// Lines that have a whole block.
    pub folded_lines: Vec<FoldedLine>,
    /// True after any block that could have been a certificate, or that is known to be something else.
    pub has_candidates: bool,
}

/// A line that has a whole block.
#[derive(Debug)]
pub(super) struct FoldedLine {
    pub span: Range<usize>,
    /// The number of the line, from 1.
    pub number: usize,
    /// The index of its finding.
    pub finding: usize,
}

/// Reads the blocks of a text that hold certificates, and reports everything else that looks like a block.
pub(super) fn read_blocks(text: &[u8], findings: &mut Vec<RawFinding>) -> BlockScan {
    let mut reader = BlockReader { text, findings, scan: BlockScan::default(), open: None, begin_damaged: false };
    for line in TextLines::new(text) {
        reader.line(&line);
    }
    reader.end_unterminated(text.len(), "the text ends before it");
    reader.scan
}

/// The kind of a block by its label.
#[derive(Clone, Copy, Debug, PartialEq)]
enum BlockKind {
    /// A certificate, with the label.
    Certificate(&'static str),
    Other(DerKind),
    Unknown,
}

const TRUSTED_LABEL: &str = "TRUSTED CERTIFICATE";

impl BlockKind {
    fn from_label(label: &str) -> Self {
        match label {
            "CERTIFICATE" => BlockKind::Certificate("CERTIFICATE"),
            "X509 CERTIFICATE" => BlockKind::Certificate("X509 CERTIFICATE"),
            TRUSTED_LABEL => BlockKind::Certificate(TRUSTED_LABEL),
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => BlockKind::Other(DerKind::CertificateRequest),
            "PKCS7" | "PKCS #7 SIGNED DATA" | "CMS" => BlockKind::Other(DerKind::Pkcs7),
            "PKCS12" => BlockKind::Other(DerKind::Pkcs12),
            "X509 CRL" => BlockKind::Other(DerKind::RevocationList),
            label if label.contains(PRIVATE_KEY_LABEL) => BlockKind::Other(DerKind::PrivateKey),
            label if label.contains("PUBLIC KEY") => BlockKind::Other(DerKind::PublicKey),
            _ => BlockKind::Unknown,
        }
    }
}

/// A block without its END line so far.
struct OpenBlock<'t> {
    kind: BlockKind,
    label: &'t str,
    start: usize,
    line: usize,
    shape: LineShape,
    base64: Vec<u8>,
    has_no_break_space: bool,
    /// The line of the first header (RFC 1421, section 4.6).
    header: Option<usize>,
    /// The first character outside of base64, with its span and line.
    invalid_char: Option<(Range<usize>, usize)>,
}

impl OpenBlock<'_> {
    fn private_key_finding(&self, end: usize) -> Option<RawFinding> {
        not_a_certificate(
            DerKind::PrivateKey,
            self.start..end,
            &format!("the block that begins on line {} is", self.line),
        )
    }
}

struct BlockReader<'t, 'n> {
    text: &'t [u8],
    findings: &'n mut Vec<RawFinding>,
    scan: BlockScan,
    open: Option<OpenBlock<'t>>,
    /// True after a damaged BEGIN line, so that the unmatched END line is not reported again.
    begin_damaged: bool,
}

impl<'t> BlockReader<'t, '_> {
    fn line(&mut self, line: &TextLine<'t>) {
        let boundary = BoundaryLine::classify(line.content);
        // Any boundary with this label opens a private key, even a damaged one.
        let secret = boundary != BoundaryLine::None && contains_bytes(line.content, PRIVATE_KEY_LABEL.as_bytes());
        match boundary {
            BoundaryLine::Begin(label) => {
                self.end_unterminated(line.span.start, &format!("the next one begins on line {}", line.number));
                self.begin(BlockKind::from_label(label), label, line);
            }
            BoundaryLine::EndAndBegin(end, begin) => self.joined(end, begin, line),
            // With BEGIN and END on one line, it is a whole block that lost its line ends.
            BoundaryLine::Damaged
                if secret && (contains_bytes(line.content, b"BEGIN ") || !contains_bytes(line.content, b"END ")) =>
            {
                self.end_unterminated(line.span.start, &format!("the next one begins on line {}", line.number));
                self.begin(BlockKind::Other(DerKind::PrivateKey), PRIVATE_KEY_LABEL, line);
            }
            BoundaryLine::End(_) | BoundaryLine::Damaged if self.is_secret() => self.close_secret(line),
            BoundaryLine::End(label) => self.end(label, line),
            BoundaryLine::Damaged => self.damaged(line),
            BoundaryLine::None => self.collect(line),
        }
    }

    fn is_secret(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.kind == BlockKind::Other(DerKind::PrivateKey))
    }

    fn close_secret(&mut self, line: &TextLine<'t>) {
        self.findings.extend(self.open.take().and_then(|open| open.private_key_finding(line.span.end)));
    }

    fn begin(&mut self, kind: BlockKind, label: &'t str, line: &TextLine<'t>) {
        self.begin_damaged = false;
        self.open = Some(OpenBlock {
            kind,
            label,
            start: line.span.start,
            line: line.number,
            shape: line.shape,
            base64: Vec::new(),
            has_no_break_space: false,
            header: None,
            invalid_char: None,
        });
    }

    /// Reads a line of an END and a BEGIN boundary as two lines.
    fn joined(&mut self, end: &'t str, begin: &'t str, line: &TextLine<'t>) {
        let message = format!("an END and a BEGIN stand on line {}: a line end is missing between them", line.number);
        let boundaries = [format!("-----END {end}-----"), format!("-----BEGIN {begin}-----")];
        let start = offset_of(self.text, line.content);
        let stop = start.saturating_add(line.content.len());
        let [first, second] = boundaries.each_ref().map(String::len);
        let part = |span| TextLine { number: line.number, span, content: line.content, shape: LineShape::default() };
        let finding = RawFinding::new(Code::PemArmour, start..stop, message);
        // Another label may be a part of a key, and a fix says nothing of other blocks.
        let are_certificates =
            [end, begin].iter().all(|label| matches!(BlockKind::from_label(label), BlockKind::Certificate(_)));
        self.findings.push(match are_certificates {
            true => finding.with_fix(boundaries.join("\n")),
            false => finding,
        });
        let end_line = part(line.span.start..start.saturating_add(first));
        if self.is_secret() {
            self.close_secret(&end_line);
        } else {
            self.end(end, &end_line);
        }
        self.begin(BlockKind::from_label(begin), begin, &part(stop.saturating_sub(second)..line.span.end));
    }

    fn damaged(&mut self, line: &TextLine<'t>) {
        self.scan.has_candidates = true;
        self.begin_damaged = self.open.take().is_none();
        if has_whole_block(line.content) {
            let (span, finding) = (line.span.clone(), self.findings.len());
            self.scan.folded_lines.push(FoldedLine { span, number: line.number, finding });
        }
        let message = format!(
            "line {} is not quite a BEGIN or END line: `-----BEGIN CERTIFICATE-----` and `-----END CERTIFICATE-----` each stand alone on a line, with five hyphens on either side",
            line.number
        );
        self.findings.push(RawFinding::new(Code::PemArmour, line.span.clone(), message));
    }

    fn collect(&mut self, line: &TextLine<'t>) {
        let secret = self.is_secret();
        let Some(open) = self.open.as_mut().filter(|_| !secret) else { return };
        open.has_no_break_space |= line.shape.has_no_break_space;
        if open.base64.is_empty() && is_header(line.content) {
            open.header.get_or_insert(line.number);
            return;
        }
        let mut rest = line.content;
        while let Some((byte, after)) = rest.split_first() {
            let here = std::mem::replace(&mut rest, after);
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' => open.base64.push(*byte),
                b' ' | b'\t' => {}
                _ => {
                    if let Some(after) = strip_no_break_space(here) {
                        (rest, open.has_no_break_space) = (after, true);
                    } else if open.invalid_char.is_none() {
                        let start = offset_of(self.text, here);
                        let width = character_width(here);
                        open.invalid_char = Some((start..start.saturating_add(width), line.number));
                    }
                }
            }
        }
    }

    fn end(&mut self, label: &str, line: &TextLine<'t>) {
        let Some(open) = self.open.take() else {
            self.scan.has_candidates = true;
            if std::mem::take(&mut self.begin_damaged) {
                return;
            }
            let message = format!("line {} ends a block that does not begin", line.number);
            self.findings.push(RawFinding::new(Code::PemArmour, line.span.clone(), message));
            return;
        };
        if open.label != label {
            self.scan.has_candidates = true;
            let message = format!(
                "the block that begins on line {} as `{}` ends on line {} as `{}`",
                open.line,
                quotable_label(open.label),
                line.number,
                quotable_label(label)
            );
            self.findings.push(RawFinding::new(Code::PemArmour, line.span.clone(), message));
            return;
        }
        let span = open.start..line.span.end;
        let this = format!("the block that begins on line {} is", open.line);
        match open.kind {
            BlockKind::Other(content) => {
                // The finding says already that the certificate is wanted.
                self.scan.has_candidates |= content != DerKind::PrivateKey;
                self.findings.extend(not_a_certificate(content, span, &this));
            }
            BlockKind::Unknown => {
                let label = quotable_label(label);
                let message = format!("{this} labelled `{label}`, not `CERTIFICATE`");
                self.findings.push(RawFinding::new(Code::PemLabelUnknown, span, message));
            }
            BlockKind::Certificate(label) => {
                self.scan.has_candidates = true;
                let form = PemForm::new(label, open.shape, line.shape, open.has_no_break_space);
                self.certificate(open, span, &this, form);
            }
        }
    }

    fn certificate(&mut self, open: OpenBlock<'t>, span: Range<usize>, this: &str, form: PemForm) {
        if let Some((span, line)) = open.invalid_char {
            let character = String::from_utf8_lossy(self.text.get(span.clone()).unwrap_or_default());
            let message = match &*character {
                "-" | "_" => format!("line {line} has `{character}`, which is of the base64 for URLs, not of PEM's"),
                _ => format!("line {line} has `{}`, which base64 has not", character.escape_default()),
            };
            self.findings.push(RawFinding::new(Code::PemBase64, span, message));
            return;
        }
        let Some(der) = decode_base64(&open.base64) else {
            let message = format!(
                "the base64 of the block that begins on line {} is cut off, or has `=` before its end",
                open.line
            );
            self.findings.push(RawFinding::new(Code::PemBase64, span, message));
            return;
        };
        if let Some(line) = open.header {
            // Its name is not quoted: it may be a part of a damaged key.
            let message = format!(
                "line {line} is a header, as in `Comment: text`, and PEM of certificates has none: leave it out"
            );
            let finding = RawFinding::new(Code::PemBase64, span, message);
            self.findings.push(match CertificateDer::parse(&der) {
                Some(whole) => finding.with_fix(whole.to_pem().trim_end()),
                None => finding,
            });
            return;
        }
        match der::classify(&der).and_then(|content| not_a_certificate(content, span.clone(), this)) {
            Some(finding) => self.findings.push(finding),
            None => {
                let trusted = open.label == TRUSTED_LABEL;
                self.scan.blocks.push(PemBlock { span, line: open.line, trusted, form, der });
            }
        }
    }

    /// Reports a block that the next block, or the end of the text, cuts off.
    fn end_unterminated(&mut self, end: usize, instead: &str) {
        let Some(open) = self.open.take() else { return };
        if open.kind == BlockKind::Other(DerKind::PrivateKey) {
            self.findings.extend(open.private_key_finding(end));
            return;
        }
        self.scan.has_candidates = true;
        let message = format!("the block that begins on line {} has no END line: {instead}", open.line);
        let end = TextLines::new(self.text.get(open.start..).unwrap_or_default())
            .next()
            .map_or(open.start, |line| open.start.saturating_add(line.span.end));
        self.findings.push(RawFinding::new(Code::PemArmour, open.start..end, message));
    }
}

/// Returns whether a line is a header (RFC 1421, section 4.6), as in `Comment: text`.
fn is_header(line: &[u8]) -> bool {
    let Some((name, rest)) = line.iter().position(|byte| *byte == b':').and_then(|at| line.split_at_checked(at)) else {
        return false;
    };
    name.first().is_some_and(u8::is_ascii_alphabetic)
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && matches!(rest, [b':'] | [b':', b' ' | b'\t', ..])
}

/// Returns a label for quotation in messages; unusual labels are not quoted.
fn quotable_label(label: &str) -> &str {
    const MAX_LABEL_CHARS: usize = 40;
    let plain =
        label.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b' ' | b'#'));
    if plain && label.len() <= MAX_LABEL_CHARS { label } else { "..." }
}

/// Returns the size of the first character in bytes; 1 for malformed UTF-8.
fn character_width(text: &[u8]) -> usize {
    text.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next()).map_or(1, char::len_utf8)
}
