//! PEM (rule C3): RFC 7468, and what OpenSSL writes around it.
//!
//! The reader goes by lines and says what is wrong with which. Of private keys it keeps nothing: what stands in such a
//! block is passed over, never decoded, and never quoted.

use std::ops::Range;

use base64ct::{Base64, Encoding};

use crate::certificate::der::{self, Content};
use crate::finding::code::Code;
use crate::finding::{Note, offset_of};

/// The most bytes that a bundle may have (rule C8): 1 MiB.
pub const MAX_BUNDLE: usize = 1 << 20;
/// The most blocks that a bundle may have (rule C8).
pub const MAX_BLOCKS: usize = 1_000;

/// A block that holds a certificate, or is said to.
#[derive(Debug)]
pub(crate) struct Block {
    /// Where the block stands, from its BEGIN line to its END line.
    pub place: Range<usize>,
    /// The number of its BEGIN line, from 1.
    pub line: usize,
    /// Whether OpenSSL's trust settings may follow the certificate.
    pub trusted: bool,
    /// What the block holds.
    pub der: Vec<u8>,
}

/// Reads the blocks of a bundle that hold certificates. There is a note on everything else that looks like a block.
pub(crate) fn read(text: &[u8], notes: &mut Vec<Note>) -> Vec<Block> {
    if text.len() > MAX_BUNDLE {
        // Whoever read it may have stopped there, so how many more is not known.
        let message = format!("a bundle has at most {MAX_BUNDLE} bytes, and this one has more");
        notes.push(Note::new(Code::BundleTooLarge, 0..0, message));
        return Vec::new();
    }
    // Counted without a look at them.
    let blocks = text.windows(BEGIN.len()).filter(|window| *window == BEGIN).count();
    if blocks > MAX_BLOCKS {
        let message = format!("a bundle has at most {MAX_BLOCKS} blocks, and this one has {blocks}");
        notes.push(Note::new(Code::BundleTooManyBlocks, 0..0, message));
        return Vec::new();
    }
    let whole = 0..text.len();
    if matches!(text, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        let message = "the text is in UTF-16, which no program reads as PEM: save it as UTF-8 or ASCII";
        notes.push(Note::new(Code::PemUtf16, whole, message));
        return Vec::new();
    }
    if let Some(note) = binary(text) {
        notes.push(note);
        return Vec::new();
    }
    let mut reader = Reader { text, notes, blocks: Vec::new(), open: None, attempts: false, lost: false };
    for line in Lines::new(text) {
        reader.line(&line);
    }
    reader.finish()
}

/// What a file that is not text at all is.
fn binary(text: &[u8]) -> Option<Note> {
    // A form has a binary file as text, each byte that is no UTF-8 as U+FFFD.
    let garbled = text.starts_with(b"0\xef\xbf\xbd");
    let whole = 0..text.len();
    if garbled {
        let message = "this is a binary file, DER or PKCS #12: choose it as a file, or convert it to PEM first";
        return Some(Note::new(Code::CertificateDer, whole, message));
    }
    let message = "this certificate is in DER, which is binary: convert it to PEM";
    bare(text, Note::new(Code::CertificateDer, whole, message))
}

/// The note on DER that stands in no block: `certificate`, where it is one. It proposes the certificate as PEM, unless more
/// follows it, which may be a private key.
fn bare(der: &[u8], certificate: Note) -> Option<Note> {
    match der::of(der)? {
        Content::Certificate if der::is_one(der) => Some(certificate.fix(armoured(der))),
        Content::Certificate => Some(certificate),
        content => other(content, certificate.start..certificate.end, "this is"),
    }
}

/// The note on what is no certificate; none on one.
pub(crate) fn other(content: Content, place: Range<usize>, this: &str) -> Option<Note> {
    let (code, what) = match content {
        Content::Certificate => return None,
        Content::Request => (
            Code::CertificateRequest,
            "a certificate signing request: give the certificate of the CA that was or will be asked",
        ),
        Content::PublicKey => (Code::PublicKey, "a public key: give the certificate of the CA"),
        Content::Pkcs7 => (
            Code::Pkcs7,
            "a PKCS #7 bundle: take the certificates out with `openssl pkcs7 -print_certs`, with `-inform DER` if it is binary",
        ),
        Content::Pkcs12 => (
            Code::Pkcs12,
            "a PKCS #12 file, which may have a private key in it: take the certificates out with `openssl pkcs12 -cacerts -nokeys`",
        ),
        Content::RevocationList => {
            (Code::RevocationList, "a certificate revocation list: give the certificate of the CA")
        }
        Content::PrivateKey => (
            Code::PrivateKey,
            "a PRIVATE KEY, which belongs on the server alone: take it out, and replace it if others have seen it",
        ),
    };
    Some(Note::new(code, place, format!("{this} {what}")))
}

/// A certificate as PEM (RFC 7468, section 3), with lines of 64 characters.
fn armoured(der: &[u8]) -> String {
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

const BEGIN: &[u8] = b"-----BEGIN ";

/// What a label says that a block is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Certificate,
    Trusted,
    Other(Content),
    Unknown,
}

impl Kind {
    fn of(label: &str) -> Self {
        match label {
            "CERTIFICATE" | "X509 CERTIFICATE" => Kind::Certificate,
            "TRUSTED CERTIFICATE" => Kind::Trusted,
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Kind::Other(Content::Request),
            "PKCS7" | "PKCS #7 SIGNED DATA" | "CMS" => Kind::Other(Content::Pkcs7),
            "PKCS12" => Kind::Other(Content::Pkcs12),
            "X509 CRL" => Kind::Other(Content::RevocationList),
            label if label.contains(SECRET) => Kind::Other(Content::PrivateKey),
            label if label.contains("PUBLIC KEY") => Kind::Other(Content::PublicKey),
            _ => Kind::Unknown,
        }
    }
}

/// In the label of every block with a private key.
const SECRET: &str = "PRIVATE KEY";

/// One of these is in every label. A line with dashes and none of them is a heading in the text around blocks.
const LABELS: [&[u8]; 7] = [b"CERT", b"KEY", b"CRL", b"PKCS", b"CMS", b"X509", b"PRIVATE"];

/// A line of the text.
struct Line<'t> {
    /// From 1.
    number: usize,
    place: Range<usize>,
    /// Without blanks around it, and without the byte-order mark that files which were joined may each begin with.
    content: &'t [u8],
}

/// Lines, ended by LF, CR LF or CR.
struct Lines<'t> {
    text: &'t [u8],
    start: usize,
    number: usize,
}

impl<'t> Lines<'t> {
    fn new(text: &'t [u8]) -> Self {
        Lines { text, start: 0, number: 0 }
    }
}

impl<'t> Iterator for Lines<'t> {
    type Item = Line<'t>;

    fn next(&mut self) -> Option<Line<'t>> {
        let rest = self.text.get(self.start..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        let (line, ending) = rest.split_at_checked(length)?;
        let end = self.start.saturating_add(length);
        let place = self.start..end;
        let ending = match ending {
            [b'\r', b'\n', ..] => 2,
            [] => 0,
            _ => 1,
        };
        self.start = end.saturating_add(ending);
        self.number = self.number.saturating_add(1);
        let content = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        Some(Line { number: self.number, place, content: content.trim_ascii() })
    }
}

/// What a line is to a reader of blocks.
#[derive(Debug, PartialEq)]
enum Armour<'t> {
    Begin(&'t str),
    End(&'t str),
    /// Something that was one of them once.
    Damaged,
    None,
}

impl<'t> Armour<'t> {
    fn of(line: &'t [u8]) -> Self {
        // En and em dashes are what word processors make of hyphens.
        let dashes = |line: &[u8]| {
            line.starts_with(b"--") || line.starts_with(b"\xe2\x80\x93") || line.starts_with(b"\xe2\x80\x94")
        };
        let text = std::str::from_utf8(line).unwrap_or_default();
        let inner = text.strip_prefix("-----").and_then(|rest| rest.strip_suffix("-----"));
        let labelled = |word| inner.and_then(|inner| inner.strip_prefix(word)).filter(|label| !label.contains("--"));
        if let Some(label) = labelled("BEGIN ") {
            Armour::Begin(label)
        } else if let Some(label) = labelled("END ") {
            Armour::End(label)
        } else if (dashes(line) || line.ends_with(b"--"))
            && has_word(line, &[b"BEGIN", b"END"])
            && LABELS.iter().any(|label| contains(line, label))
        {
            Armour::Damaged
        } else {
            Armour::None
        }
    }
}

/// A block whose END line is still to come.
struct Open<'t> {
    kind: Kind,
    label: &'t str,
    start: usize,
    line: usize,
    base64: Vec<u8>,
    /// The first character that base64 has not: where it stands, and its line.
    strange: Option<(Range<usize>, usize)>,
}

impl Open<'_> {
    fn private_key(&self, end: usize) -> Option<Note> {
        other(Content::PrivateKey, self.start..end, &format!("the block that begins on line {} is", self.line))
    }
}

struct Reader<'t, 'n> {
    text: &'t [u8],
    notes: &'n mut Vec<Note>,
    blocks: Vec<Block>,
    open: Option<Open<'t>>,
    /// Whether there was anything that could have been a certificate.
    attempts: bool,
    /// Whether a BEGIN line was damaged, so that its END line ends nothing, which needs no saying.
    lost: bool,
}

impl<'t> Reader<'t, '_> {
    fn line(&mut self, line: &Line<'t>) {
        let armour = Armour::of(line.content);
        // Anything that speaks of a private key opens one, however damaged the line is.
        let secret = armour != Armour::None && contains(line.content, SECRET.as_bytes());
        match armour {
            Armour::Begin(label) => {
                self.unended(line.place.start, &format!("the next one begins on line {}", line.number));
                self.begin(Kind::of(label), label, line);
            }
            // With BEGIN and END on one line, it is a whole block whose line ends were lost.
            Armour::Damaged if secret && (contains(line.content, b"BEGIN ") || !contains(line.content, b"END ")) => {
                self.unended(line.place.start, &format!("the next one begins on line {}", line.number));
                self.begin(Kind::Other(Content::PrivateKey), SECRET, line);
            }
            Armour::End(_) | Armour::Damaged if self.is_secret() => {
                self.notes.extend(self.open.take().and_then(|open| open.private_key(line.place.end)));
            }
            Armour::End(label) => self.end(label, line),
            Armour::Damaged => {
                self.attempts = true;
                self.lost = self.open.take().is_none();
                let message = format!(
                    "line {} is not quite a BEGIN or END line: `-----BEGIN CERTIFICATE-----` and `-----END CERTIFICATE-----` each stand alone on a line, with five hyphens on either side",
                    line.number
                );
                self.notes.push(Note::new(Code::PemArmour, line.place.clone(), message));
            }
            Armour::None => self.collect(line),
        }
    }

    fn is_secret(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.kind == Kind::Other(Content::PrivateKey))
    }

    fn begin(&mut self, kind: Kind, label: &'t str, line: &Line<'t>) {
        self.lost = false;
        let (start, line) = (line.place.start, line.number);
        self.open = Some(Open { kind, label, start, line, base64: Vec::new(), strange: None });
    }

    fn collect(&mut self, line: &Line<'t>) {
        let secret = self.is_secret();
        let Some(open) = self.open.as_mut().filter(|_| !secret) else { return };
        for (offset, byte) in line.content.iter().enumerate() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' => open.base64.push(*byte),
                b' ' | b'\t' => {}
                _ if open.strange.is_none() => {
                    let start = offset_of(self.text, line.content).saturating_add(offset);
                    let width = character_width(line.content.get(offset..).unwrap_or_default());
                    open.strange = Some((start..start.saturating_add(width), line.number));
                }
                _ => {}
            }
        }
    }

    fn end(&mut self, label: &str, line: &Line<'t>) {
        let Some(open) = self.open.take() else {
            self.attempts = true;
            if std::mem::take(&mut self.lost) {
                return;
            }
            let message = format!("line {} ends a block that does not begin", line.number);
            self.notes.push(Note::new(Code::PemArmour, line.place.clone(), message));
            return;
        };
        if open.label != label {
            self.attempts = true;
            let message = format!(
                "the block that begins on line {} as `{}` ends on line {} as `{}`",
                open.line,
                shown(open.label),
                line.number,
                shown(label)
            );
            self.notes.push(Note::new(Code::PemArmour, line.place.clone(), message));
            return;
        }
        let place = open.start..line.place.end;
        let this = format!("the block that begins on line {} is", open.line);
        match open.kind {
            Kind::Other(content) => self.notes.extend(other(content, place, &this)),
            Kind::Unknown => {
                let label = shown(label);
                let message = format!("{this} labelled `{label}`, not `CERTIFICATE`");
                self.notes.push(Note::new(Code::PemLabelUnknown, place, message));
            }
            Kind::Certificate | Kind::Trusted => {
                self.attempts = true;
                self.certificate(open, place, &this);
            }
        }
    }

    fn certificate(&mut self, open: Open<'t>, place: Range<usize>, this: &str) {
        if let Some((place, line)) = open.strange {
            let character = String::from_utf8_lossy(self.text.get(place.clone()).unwrap_or_default());
            let message = match &*character {
                "-" | "_" => format!("line {line} has `{character}`, which is of the base64 for URLs, not of PEM's"),
                _ => format!("line {line} has `{}`, which base64 has not", character.escape_default()),
            };
            self.notes.push(Note::new(Code::PemBase64, place, message));
            return;
        }
        let Some(der) = decoded(&open.base64) else {
            let message = format!(
                "the base64 of the block that begins on line {} is cut off, or has `=` before its end",
                open.line
            );
            self.notes.push(Note::new(Code::PemBase64, place, message));
            return;
        };
        match der::of(&der).and_then(|content| other(content, place.clone(), this)) {
            Some(note) => self.notes.push(note),
            None => self.blocks.push(Block { place, line: open.line, trusted: open.kind == Kind::Trusted, der }),
        }
    }

    /// A block that another one, or the end of the text, cuts off.
    fn unended(&mut self, end: usize, instead: &str) {
        let Some(open) = self.open.take() else { return };
        if open.kind == Kind::Other(Content::PrivateKey) {
            self.notes.extend(open.private_key(end));
            return;
        }
        self.attempts = true;
        let message = format!("the block that begins on line {} has no END line: {instead}", open.line);
        let end = Lines::new(self.text.get(open.start..).unwrap_or_default())
            .next()
            .map_or(open.start, |line| open.start.saturating_add(line.place.end));
        self.notes.push(Note::new(Code::PemArmour, open.start..end, message));
    }

    fn finish(mut self) -> Vec<Block> {
        self.unended(self.text.len(), "the text ends before it");
        if self.notes.is_empty() && self.blocks.is_empty() {
            self.notes.extend(unarmoured(self.text));
            self.attempts |= !self.notes.is_empty();
        }
        if !self.attempts {
            let message = if self.text.trim_ascii().is_empty() {
                "the text is empty: it must have at least one certificate in PEM"
            } else {
                "there is no certificate here: one in PEM begins with the line `-----BEGIN CERTIFICATE-----`"
            };
            self.notes.push(Note::new(Code::CertificateNone, 0..self.text.len(), message));
        }
        self.blocks
    }
}

/// What a text is that has base64 and nothing else.
fn unarmoured(text: &[u8]) -> Option<Note> {
    let base64: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let message = "the certificate lacks its BEGIN and END lines";
    bare(&decoded(&base64)?, Note::new(Code::PemArmour, 0..text.len(), message))
}

/// Decodes base64 that has no blanks in it.
fn decoded(base64: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(base64).ok().filter(|text| !text.is_empty())?;
    Base64::decode_vec(text).ok()
}

/// A label as messages quote it: not at all where it may be anything.
fn shown(label: &str) -> &str {
    const LONGEST: usize = 40;
    let plain =
        label.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b' ' | b'#'));
    if plain && label.len() <= LONGEST { label } else { "..." }
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}

/// Whether a word of the line begins with one of these.
fn has_word(line: &[u8], words: &[&[u8]]) -> bool {
    let starts = |start: &usize| {
        let before = start.checked_sub(1).and_then(|before| line.get(before));
        before.is_none_or(|before| !before.is_ascii_alphabetic())
    };
    (0..line.len()).filter(starts).any(|start| {
        let word = line.get(start..).unwrap_or_default();
        words.iter().any(|begin| word.starts_with(begin))
    })
}

/// How many bytes the first character has; 1 where it is no UTF-8.
fn character_width(text: &[u8]) -> usize {
    text.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next()).map_or(1, char::len_utf8)
}
