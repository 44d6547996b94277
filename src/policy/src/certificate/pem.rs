//! PEM (rule C3): RFC 7468, and OpenSSL's additions.
//!
//! The parser works by lines, so that findings name the line. Blocks with private keys are skipped: never decoded,
//! never quoted.

use std::ops::Range;

use base64ct::{Base64, Encoding};

use crate::certificate::der::{self, DerKind};
use crate::finding::code::Code;
use crate::finding::{RawFinding, offset_of};

/// The maximum size of a bundle in bytes (rule C8): 1 MiB.
pub const MAX_BUNDLE_BYTES: usize = 1 << 20;
/// The maximum number of blocks in a bundle (rule C8).
pub const MAX_BLOCKS: usize = 1_000;

/// A block with the label of a certificate.
#[derive(Debug)]
pub(crate) struct PemBlock {
    /// The span of the block, from its BEGIN line to its END line.
    pub span: Range<usize>,
    /// The number of the BEGIN line, from 1.
    pub line: usize,
    /// True if OpenSSL's trust settings may follow the certificate.
    pub trusted: bool,
    /// The decoded content.
    pub der: Vec<u8>,
}

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
    let mut reader =
        BlockReader { text, findings, blocks: Vec::new(), open: None, has_candidates: false, begin_damaged: false };
    for line in TextLines::new(text) {
        reader.line(&line);
    }
    reader.finish()
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

/// Returns the finding about DER outside of a block: `certificate` if it is one. The fix is the certificate in PEM,
/// unless more data follows, which may be a private key.
fn bare_der_finding(der: &[u8], certificate: RawFinding) -> Option<RawFinding> {
    match der::classify(der)? {
        DerKind::Certificate if der::is_single_element(der) => Some(certificate.with_fix(to_pem(der))),
        DerKind::Certificate => Some(certificate),
        content => not_a_certificate(content, certificate.start..certificate.end, "this is"),
    }
}

/// Returns the finding about content that is not a certificate; `None` for a certificate.
pub(crate) fn not_a_certificate(content: DerKind, span: Range<usize>, this: &str) -> Option<RawFinding> {
    let (code, what) = match content {
        DerKind::Certificate => return None,
        DerKind::CertificateRequest => (
            Code::CertificateRequest,
            "a certificate signing request: give the certificate of the CA that was or will be asked",
        ),
        DerKind::PublicKey => (Code::PublicKey, "a public key: give the certificate of the CA"),
        DerKind::Pkcs7 => (
            Code::Pkcs7,
            "a PKCS #7 bundle: take the certificates out with `openssl pkcs7 -print_certs`, with `-inform DER` if it is binary",
        ),
        DerKind::Pkcs12 => (
            Code::Pkcs12,
            "a PKCS #12 file, which may have a private key in it: take the certificates out with `openssl pkcs12 -cacerts -nokeys`",
        ),
        DerKind::RevocationList => {
            (Code::RevocationList, "a certificate revocation list: give the certificate of the CA")
        }
        DerKind::PrivateKey => (
            Code::PrivateKey,
            "a PRIVATE KEY, which belongs on the server alone: take it out, and replace it if others have seen it",
        ),
    };
    Some(RawFinding::new(code, span, format!("{this} {what}")))
}

/// Encodes a certificate in PEM (RFC 7468, section 3), with lines of 64 characters.
fn to_pem(der: &[u8]) -> String {
    let base64 = Base64::encode_string(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

const BEGIN_PREFIX: &[u8] = b"-----BEGIN ";

/// The kind of a block by its label.
#[derive(Clone, Copy, Debug, PartialEq)]
enum BlockKind {
    Certificate,
    Trusted,
    Other(DerKind),
    Unknown,
}

impl BlockKind {
    fn from_label(label: &str) -> Self {
        match label {
            "CERTIFICATE" | "X509 CERTIFICATE" => BlockKind::Certificate,
            "TRUSTED CERTIFICATE" => BlockKind::Trusted,
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

/// A part of every label of a private key.
const PRIVATE_KEY_LABEL: &str = "PRIVATE KEY";

/// One of these is in every label. A line with dashes and none of them is a heading in explanatory text.
const LABEL_WORDS: [&[u8]; 7] = [b"CERT", b"KEY", b"CRL", b"PKCS", b"CMS", b"X509", b"PRIVATE"];

/// A line of the text.
struct TextLine<'t> {
    /// The number of the line, from 1.
    number: usize,
    span: Range<usize>,
    /// The content without surrounding blanks, and without the byte-order mark of a concatenated file.
    content: &'t [u8],
}

/// An iterator over lines that end in LF, CR LF or CR.
struct TextLines<'t> {
    text: &'t [u8],
    start: usize,
    number: usize,
}

impl<'t> TextLines<'t> {
    fn new(text: &'t [u8]) -> Self {
        TextLines { text, start: 0, number: 0 }
    }
}

impl<'t> Iterator for TextLines<'t> {
    type Item = TextLine<'t>;

    fn next(&mut self) -> Option<TextLine<'t>> {
        let rest = self.text.get(self.start..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        let (line, ending) = rest.split_at_checked(length)?;
        let end = self.start.saturating_add(length);
        let span = self.start..end;
        let ending = match ending {
            [b'\r', b'\n', ..] => 2,
            [] => 0,
            _ => 1,
        };
        self.start = end.saturating_add(ending);
        self.number = self.number.saturating_add(1);
        let content = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        Some(TextLine { number: self.number, span, content: content.trim_ascii() })
    }
}

/// The encapsulation boundary on a line (RFC 7468), if any.
#[derive(Debug, PartialEq)]
enum BoundaryLine<'t> {
    Begin(&'t str),
    End(&'t str),
    /// A damaged boundary.
    Damaged,
    None,
}

impl<'t> BoundaryLine<'t> {
    fn classify(line: &'t [u8]) -> Self {
        // En and em dashes, which word processors put in place of hyphens.
        let dashes = |line: &[u8]| {
            line.starts_with(b"--") || line.starts_with(b"\xe2\x80\x93") || line.starts_with(b"\xe2\x80\x94")
        };
        let text = std::str::from_utf8(line).unwrap_or_default();
        let inner = text.strip_prefix("-----").and_then(|rest| rest.strip_suffix("-----"));
        let labelled = |word| inner.and_then(|inner| inner.strip_prefix(word)).filter(|label| !label.contains("--"));
        if let Some(label) = labelled("BEGIN ") {
            BoundaryLine::Begin(label)
        } else if let Some(label) = labelled("END ") {
            BoundaryLine::End(label)
        } else if (dashes(line) || line.ends_with(b"--"))
            && has_word_prefix(line, &[b"BEGIN", b"END"])
            && LABEL_WORDS.iter().any(|label| contains_bytes(line, label))
        {
            BoundaryLine::Damaged
        } else {
            BoundaryLine::None
        }
    }
}

/// A block without its END line so far.
struct OpenBlock<'t> {
    kind: BlockKind,
    label: &'t str,
    start: usize,
    line: usize,
    base64: Vec<u8>,
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
    blocks: Vec<PemBlock>,
    open: Option<OpenBlock<'t>>,
    /// True after any block that could have been a certificate.
    has_candidates: bool,
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
            // With BEGIN and END on one line, it is a whole block that lost its line ends.
            BoundaryLine::Damaged
                if secret && (contains_bytes(line.content, b"BEGIN ") || !contains_bytes(line.content, b"END ")) =>
            {
                self.end_unterminated(line.span.start, &format!("the next one begins on line {}", line.number));
                self.begin(BlockKind::Other(DerKind::PrivateKey), PRIVATE_KEY_LABEL, line);
            }
            BoundaryLine::End(_) | BoundaryLine::Damaged if self.is_secret() => {
                self.findings.extend(self.open.take().and_then(|open| open.private_key_finding(line.span.end)));
            }
            BoundaryLine::End(label) => self.end(label, line),
            BoundaryLine::Damaged => {
                self.has_candidates = true;
                self.begin_damaged = self.open.take().is_none();
                let message = format!(
                    "line {} is not quite a BEGIN or END line: `-----BEGIN CERTIFICATE-----` and `-----END CERTIFICATE-----` each stand alone on a line, with five hyphens on either side",
                    line.number
                );
                self.findings.push(RawFinding::new(Code::PemArmour, line.span.clone(), message));
            }
            BoundaryLine::None => self.collect(line),
        }
    }

    fn is_secret(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.kind == BlockKind::Other(DerKind::PrivateKey))
    }

    fn begin(&mut self, kind: BlockKind, label: &'t str, line: &TextLine<'t>) {
        self.begin_damaged = false;
        let (start, line) = (line.span.start, line.number);
        self.open = Some(OpenBlock { kind, label, start, line, base64: Vec::new(), invalid_char: None });
    }

    fn collect(&mut self, line: &TextLine<'t>) {
        let secret = self.is_secret();
        let Some(open) = self.open.as_mut().filter(|_| !secret) else { return };
        for (offset, byte) in line.content.iter().enumerate() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' => open.base64.push(*byte),
                b' ' | b'\t' => {}
                _ if open.invalid_char.is_none() => {
                    let start = offset_of(self.text, line.content).saturating_add(offset);
                    let width = character_width(line.content.get(offset..).unwrap_or_default());
                    open.invalid_char = Some((start..start.saturating_add(width), line.number));
                }
                _ => {}
            }
        }
    }

    fn end(&mut self, label: &str, line: &TextLine<'t>) {
        let Some(open) = self.open.take() else {
            self.has_candidates = true;
            if std::mem::take(&mut self.begin_damaged) {
                return;
            }
            let message = format!("line {} ends a block that does not begin", line.number);
            self.findings.push(RawFinding::new(Code::PemArmour, line.span.clone(), message));
            return;
        };
        if open.label != label {
            self.has_candidates = true;
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
            BlockKind::Other(content) => self.findings.extend(not_a_certificate(content, span, &this)),
            BlockKind::Unknown => {
                let label = quotable_label(label);
                let message = format!("{this} labelled `{label}`, not `CERTIFICATE`");
                self.findings.push(RawFinding::new(Code::PemLabelUnknown, span, message));
            }
            BlockKind::Certificate | BlockKind::Trusted => {
                self.has_candidates = true;
                self.certificate(open, span, &this);
            }
        }
    }

    fn certificate(&mut self, open: OpenBlock<'t>, span: Range<usize>, this: &str) {
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
        match der::classify(&der).and_then(|content| not_a_certificate(content, span.clone(), this)) {
            Some(finding) => self.findings.push(finding),
            None => self.blocks.push(PemBlock { span, line: open.line, trusted: open.kind == BlockKind::Trusted, der }),
        }
    }

    /// Reports a block that the next block, or the end of the text, cuts off.
    fn end_unterminated(&mut self, end: usize, instead: &str) {
        let Some(open) = self.open.take() else { return };
        if open.kind == BlockKind::Other(DerKind::PrivateKey) {
            self.findings.extend(open.private_key_finding(end));
            return;
        }
        self.has_candidates = true;
        let message = format!("the block that begins on line {} has no END line: {instead}", open.line);
        let end = TextLines::new(self.text.get(open.start..).unwrap_or_default())
            .next()
            .map_or(open.start, |line| open.start.saturating_add(line.span.end));
        self.findings.push(RawFinding::new(Code::PemArmour, open.start..end, message));
    }

    fn finish(mut self) -> Vec<PemBlock> {
        self.end_unterminated(self.text.len(), "the text ends before it");
        if self.findings.is_empty() && self.blocks.is_empty() {
            self.findings.extend(bare_base64(self.text));
            self.has_candidates |= !self.findings.is_empty();
        }
        if !self.has_candidates {
            let message = if self.text.trim_ascii().is_empty() {
                "the text is empty: it must have at least one certificate in PEM"
            } else {
                "there is no certificate here: one in PEM begins with the line `-----BEGIN CERTIFICATE-----`"
            };
            self.findings.push(RawFinding::new(Code::CertificateNone, 0..self.text.len(), message));
        }
        self.blocks
    }
}

/// Returns the finding about text that is nothing but base64.
fn bare_base64(text: &[u8]) -> Option<RawFinding> {
    let base64: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let message = "the certificate lacks its BEGIN and END lines";
    bare_der_finding(&decode_base64(&base64)?, RawFinding::new(Code::PemArmour, 0..text.len(), message))
}

/// Decodes base64 without blanks.
fn decode_base64(base64: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(base64).ok().filter(|text| !text.is_empty())?;
    Base64::decode_vec(text).ok()
}

/// Returns a label for quotation in messages; unusual labels are not quoted.
fn quotable_label(label: &str) -> &str {
    const MAX_LABEL_CHARS: usize = 40;
    let plain =
        label.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b' ' | b'#'));
    if plain && label.len() <= MAX_LABEL_CHARS { label } else { "..." }
}

fn contains_bytes(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}

/// Returns whether a word of the line begins with one of these.
fn has_word_prefix(line: &[u8], words: &[&[u8]]) -> bool {
    let starts = |start: &usize| {
        let before = start.checked_sub(1).and_then(|before| line.get(before));
        before.is_none_or(|before| !before.is_ascii_alphabetic())
    };
    (0..line.len()).filter(starts).any(|start| {
        let word = line.get(start..).unwrap_or_default();
        words.iter().any(|begin| word.starts_with(begin))
    })
}

/// Returns the size of the first character in bytes; 1 for malformed UTF-8.
fn character_width(text: &[u8]) -> usize {
    text.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next()).map_or(1, char::len_utf8)
}
