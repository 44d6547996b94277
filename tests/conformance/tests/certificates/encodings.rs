//! The forms in which certificates come (rule C3): what programs write, what editors and forms make of it, and the lines
//! that messages name.

use pullgate::{CertificateReport, check_certificates};

use super::external_tools::{Scratch, openssl};
use super::generated::{self, THEN, armoured, ca, pem, self_signed};

const LINE_ENDS: [&str; 3] = ["\n", "\r\n", "\r"];

/// The one certificate of a text about which nothing is said, but that Go does not read its form: the line of its block,
/// and its fingerprint.
fn only(text: &[u8]) -> (u32, String) {
    let CertificateReport { certificates, findings } = check_certificates(text, THEN);
    let plain = findings.iter().all(|found| found.code.as_str() == "pem-not-plain");
    assert!(plain, "{findings:?} of {}", String::from_utf8_lossy(text));
    let [one] = certificates.as_slice() else { panic!("{} certificates", certificates.len()) };
    assert!(one.findings.is_empty(), "{:?}", one.findings);
    (one.line, one.sha256.clone())
}

#[test]
fn what_programs_write_is_read() {
    let der = self_signed(&ca("Example CA"));
    let text = pem(&der);
    let (line, fingerprint) = only(text.as_bytes());
    assert_eq!(line, 1);
    let file = Scratch::new(text.as_bytes());
    let file = file.path();
    let trusted = ["x509", "-in", file, "-trustout", "-addtrust", "serverAuth", "-addreject", "clientAuth"];
    let bags = ["pkcs12", "-export", "-nokeys", "-in", file, "-caname", "Example", "-passout", "pass:x"];
    let bags = Scratch::new(&openssl(&bags, b""));
    let written = [
        openssl(&["x509", "-in", file, "-text"], b""),
        openssl(&["x509", "-in", file, "-subject", "-issuer", "-fingerprint"], b""),
        openssl(&trusted, b""),
        openssl(&[trusted.as_slice(), &["-setalias", "Example"]].concat(), b""),
        openssl(&["x509", "-in", file, "-trustout"], b""),
        openssl(&["pkcs12", "-in", bags.path(), "-nokeys", "-passin", "pass:x"], b""),
        openssl(&["storeutl", "-certs", file], b""),
    ];
    for written in written {
        assert!(written.windows(10).any(|part| part == b"-----BEGIN"));
        assert_eq!(only(&written).1, fingerprint, "{}", String::from_utf8_lossy(&written));
    }
}

#[test]
fn what_editors_make_of_it_is_read() {
    let der = self_signed(&ca("Example CA"));
    let text = pem(&der);
    let (_, fingerprint) = only(text.as_bytes());
    for line_end in LINE_ENDS {
        for mark in ["", "\u{feff}"] {
            for (before, lines) in [("", 0), ("subject=CN = Example CA\n\n", 2), ("   \nö\n-\n--\nBEGIN\n", 5)] {
                for after in ["", "\n", "\nthat was it", " "] {
                    let made = format!("{mark}{before}{text}").trim_end().replace('\n', line_end) + after;
                    assert_eq!(only(made.as_bytes()), (lines + 1, fingerprint.clone()), "{made:?}");
                }
            }
        }
    }
    // Files that each begin with a byte-order mark, joined.
    let joined = format!("\u{feff}{text}\u{feff}{}", pem(&self_signed(&ca("Another CA"))));
    let report = check_certificates(joined.as_bytes(), THEN);
    assert_eq!((report.certificates.len(), report.findings.len()), (2, 2), "Go reads neither");
    for label in ["X509 CERTIFICATE", "TRUSTED CERTIFICATE"] {
        assert_eq!(only(armoured(label, &der).as_bytes()).1, fingerprint);
    }
    // Not UTF-8: Latin-1 in the text around it.
    assert_eq!(only(&[b"Aussteller: B\xfccher\n", text.as_bytes()].concat()), (2, fingerprint));
}

#[test]
fn what_cannot_be_read_is_named() {
    let text = pem(&self_signed(&ca("Example CA")));
    let utf16 = |mark: &[u8], bytes: fn(u16) -> [u8; 2]| {
        [mark, &text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>()].concat()
    };
    let cases: [(&str, Vec<u8>); 5] = [
        ("pem-utf16", utf16(b"\xff\xfe", u16::to_le_bytes)),
        ("pem-utf16", utf16(b"\xfe\xff", u16::to_be_bytes)),
        ("pem-armour", text.replace('\n', "\\n").into()),
        ("pem-armour", text.replace('\n', "\\r\\n").into()),
        ("pem-armour", text.replace('\n', " ").into()),
    ];
    for (code, text) in cases {
        let CertificateReport { certificates, findings } = check_certificates(&text, THEN);
        assert!(certificates.is_empty());
        assert_eq!(findings.iter().map(|found| found.code.as_str()).collect::<Vec<_>>(), [code], "{findings:?}");
    }
}

/// Damage with one possible cause has the plain PEM as its fix.
#[test]
fn damage_without_doubt_has_the_plain_pem_as_its_fix() {
    let sound = [pem(&self_signed(&ca("Example CA"))), pem(&self_signed(&ca("Another CA")))].concat();
    let yaml = sound.lines().map(|line| format!("\"{line}\\n\"\n")).collect::<String>();
    let cases: [(&str, &str, String); 8] = [
        ("pem-armour", "written as `\\n`", sound.replace('\n', "\\n")),
        ("pem-armour", "written as `\\n`", sound.replace('\n', "\\r\\n")),
        ("pem-armour", "written as `\\n`", sound.replace('\n', "\\\\n")),
        ("pem-armour", "written as `\\n`", format!("{sound:?}")),
        ("pem-armour", "written as `\\n`", yaml),
        ("pem-armour", "blanks in place", sound.replace('\n', " ")),
        ("pem-armour", "lacks line ends", sound.replace('\n', "")),
        ("pem-in-base64", "base64 of a PEM", generated::base64(sound.as_bytes())),
    ];
    for (code, says, text) in cases {
        let report = check_certificates(text.as_bytes(), THEN);
        let [found] = report.findings.as_slice() else { panic!("{says}: {:?}", report.findings) };
        assert!(found.code.as_str() == code && found.message.contains(says), "{says}: {}", found.message);
        let range = found.range.expect("there is a place");
        let (start, end) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
        let fixed = format!("{}{}{}", &text[..start], found.fix.as_deref().expect("there is a fix"), &text[end..]);
        assert_eq!(fixed.trim_end(), sound.trim_end(), "{says}");
    }
}

/// A line end that is missing between two blocks is one finding, however many there are.
#[test]
fn each_missing_line_end_between_blocks_is_one_finding() {
    let blocks: Vec<String> = (0..4).map(|number| pem(&self_signed(&ca(&format!("CA {number}"))))).collect();
    let sound = blocks.concat();
    for between in ["", " ", "\u{feff}", "\t"] {
        let joined = blocks.iter().map(|block| block.trim_end()).collect::<Vec<_>>().join(between);
        let mut text = joined.clone();
        let report = check_certificates(text.as_bytes(), THEN);
        assert_eq!((report.findings.len(), report.certificates.len()), (3, 4), "{:?}", report.findings);
        while let Some(found) = check_certificates(text.as_bytes(), THEN).findings.first() {
            let range = found.range.expect("there is a place");
            let (start, end) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
            text.replace_range(start..end, found.fix.as_deref().expect("there is a fix"));
        }
        assert_eq!(text, sound.trim_end(), "{between:?}");
    }
}

/// Hostile texts of the largest size take no more than linear time (rule C8): each of these would take minutes otherwise.
#[test]
fn hostile_texts_are_read_in_linear_time() {
    let size = pullgate::MAX_BUNDLE_BYTES;
    for part in [
        "-",
        "-----",
        "-----BEGIN",
        "-----END CERTIFICATE-----",
        "-----END CERTIFICATE----------",
        "----BEGIN CERTIFICATE----- ",
        "\\",
        "\\n",
        "\u{a0}",
        "\"",
        "A:",
        "A: b\n",
        "LS0tLS1CRUdJTi",
        "/",
        "BEGIN ",
        "-----BEGIN CERTIFICATE-----\r",
        " \t",
        "-----BEGIN CERTIFICATE-----A-----END CERTIFICATE-----",
        "\u{feff}",
        "=",
        "\n",
        "-----END X----------BEGIN X-----\n",
    ] {
        for around in [
            ["", ""],
            ["-----BEGIN CERTIFICATE-----\n", ""],
            ["-----BEGIN CERTIFICATE----- ", " -----END CERTIFICATE-----"],
        ] {
            let middle = part.repeat((size - around[0].len() - around[1].len()) / part.len());
            let text = format!("{}{middle}{}", around[0], around[1]);
            let begun = std::time::Instant::now();
            let report = check_certificates(text.as_bytes(), THEN);
            assert!(!report.findings.is_empty(), "{part:?}");
            assert!(begun.elapsed().as_secs() < 20, "{part:?} took {:?}", begun.elapsed());
        }
    }
}

/// Whatever stands before a block, and however lines end, messages name its lines.
#[test]
fn lines_are_counted_as_people_count_them() {
    let sound = pem(&self_signed(&ca("Example CA")));
    let lines: Vec<&str> = sound.lines().collect();
    let with = |index: usize, line: &str| {
        let mut lines = lines.clone();
        lines[index] = line;
        lines.join("\n") + "\n"
    };
    let (strange, short) = (lines[3].replacen(|_: char| true, "*", 1), &lines[2][1..]);
    // What is broken, its code, and the line that is named, from 1 at the block's first.
    let broken = [
        (with(0, "-----BEGIN CERTIFICATE----"), "pem-armour", 1),
        (with(3, &strange), "pem-base64", 4),
        (with(2, short), "pem-base64", 1),
        (with(lines.len() - 1, "-----END CERT-----"), "pem-armour", lines.len()),
        (with(lines.len() - 1, "----END CERTIFICATE-----"), "pem-armour", lines.len()),
        (lines[..lines.len() - 1].join("\n") + "\n", "pem-armour", 1),
        (pem(b"hello, world"), "certificate-unreadable", 1),
    ];
    let before = [String::new(), "text\n".repeat(7), sound.clone(), format!("{sound}\n{sound}text\n")];
    for (block, code, line) in &broken {
        for before in &before {
            for line_end in LINE_ENDS {
                let text = format!("{before}{block}").replace('\n', line_end);
                let CertificateReport { findings, .. } = check_certificates(text.as_bytes(), THEN);
                let named = format!("line {}", before.lines().count() + line);
                let found = findings.iter().find(|found| found.code.as_str() == *code);
                let found = found.unwrap_or_else(|| panic!("no `{code}` among {findings:?}"));
                let names = |message: &str| {
                    message.split(&named).skip(1).any(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
                };
                assert!(names(&found.message), "not {named}: {}", found.message);
                let range = found.range.expect("there is a place");
                let start = text.get(..range.start.try_into().unwrap()).expect("the place is in the text");
                // A block's place begins with it, a line's at or within the line.
                let counted = start.replace("\r\n", "\n").replace('\r', "\n").matches('\n').count() + 1;
                assert!(counted == before.lines().count() + line || counted == before.lines().count() + 1, "{found:?}");
            }
        }
    }
}

#[test]
fn certificates_know_their_lines() {
    let one = pem(&self_signed(&ca("Example CA")));
    let other = pem(&self_signed(&ca("Another CA")));
    let length = u32::try_from(one.lines().count()).unwrap();
    for line_end in LINE_ENDS {
        let text = format!("first\n{one}\nsecond\n\n{other}").replace('\n', line_end);
        let report = check_certificates(text.as_bytes(), THEN);
        let lines: Vec<u32> = report.certificates.iter().map(|certificate| certificate.line).collect();
        assert_eq!(lines, [2, length + 5]);
    }
}
