//! Forms of PEM that programs in Go do not read (rule C9): dockerd, containerd and the kubelet pass over such a
//! certificate without a word.

use std::ops::Range;

use crate::certificate::pem::content::CertificateDer;
use crate::certificate::pem::lines::LineShape;
use crate::finding::RawFinding;
use crate::finding::code::Code;

/// The deviation of a certificate's block from plain PEM (RFC 7468, section 3), the weightiest of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PemForm {
    Plain,
    /// No-break spaces stand among the blanks.
    NoBreakSpaces,
    /// The label is not `CERTIFICATE` but one that OpenSSL reads as well.
    OtherLabel(&'static str),
    ByteOrderMark,
    Indented,
    /// Lines end in CR alone.
    LoneCr,
}

impl PemForm {
    /// Returns the form of a block by its label and the lines of its boundaries.
    pub(super) fn new(label: &'static str, begin: LineShape, end: LineShape, has_no_break_space: bool) -> Self {
        if has_no_break_space || begin.has_no_break_space || end.has_no_break_space {
            PemForm::NoBreakSpaces
        } else if label != "CERTIFICATE" {
            PemForm::OtherLabel(label)
        } else if begin.has_byte_order_mark || end.has_byte_order_mark {
            PemForm::ByteOrderMark
        } else if begin.is_indented || end.is_indented {
            PemForm::Indented
        } else if begin.has_lone_cr || end.has_lone_cr {
            PemForm::LoneCr
        } else {
            PemForm::Plain
        }
    }

    /// Returns the finding about a block of this form; the fix is the plain PEM of its certificate.
    pub fn finding(self, der: &CertificateDer, span: Range<usize>, line: usize) -> Option<RawFinding> {
        let because = match self {
            PemForm::Plain => return None,
            PemForm::NoBreakSpaces => {
                let message = format!(
                    "the block that begins on line {line} has no-break spaces (U+00A0), which look like blanks and are none: write the plain PEM"
                );
                return Some(RawFinding::new(Code::PemArmour, span, message).with_fix(der.to_pem().trim_end()));
            }
            PemForm::OtherLabel(label) => format!("it is labelled `{label}`, not `CERTIFICATE`"),
            PemForm::ByteOrderMark => "a byte-order mark stands before it".to_owned(),
            PemForm::Indented => "its BEGIN or END line is indented".to_owned(),
            PemForm::LoneCr => "its lines end in CR alone".to_owned(),
        };
        let message = format!(
            "programs in Go, dockerd and containerd among them, pass over the block that begins on line {line}, since {because}: write the plain PEM"
        );
        let pem = der.to_pem();
        let fix = match self {
            // The line ends around the block are not those of plain PEM either.
            PemForm::LoneCr => format!("\n{pem}"),
            _ => pem.trim_end().to_owned(),
        };
        Some(RawFinding::new(Code::PemNotPlain, span, message).with_fix(fix))
    }
}
