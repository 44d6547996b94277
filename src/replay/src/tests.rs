//! Replays of records in memory, by the rules natively.

use std::io::{Cursor, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use pullgate::{Decision, Policy, Request, Response};

use crate::{PolicyDecider, ReadError, RecordReader, ReplayChange, ReplayReport, ReplayVerdict, SkipReason};

/// A policy that is evaluated natively.
struct NativePolicy(Policy);

impl NativePolicy {
    fn new(document: &str) -> Self {
        Self(Policy::load(document, 0).unwrap().policy)
    }
}

impl PolicyDecider for NativePolicy {
    fn decide_many(&self, requests: &[Request<'_>]) -> Vec<Decision<'static>> {
        let answers = requests.iter().map(|request| self.0.answer(request).to_json());
        answers.map(|json| serde_json::from_str::<Response<'static>>(&json).unwrap().decision).collect()
    }

    fn registry(&self, request: &Request<'_>) -> Option<String> {
        self.0.answer(request).registry.map(Into::into)
    }
}

/// Returns a record with these members beside its time.
fn record(minute: u32, members: &str) -> String {
    let (hour, minute) = (minute / 60, minute % 60);
    format!("{{\"time\":\"2026-10-01T{hour:02}:{minute:02}:00.5Z\",\"frontend\":\"docker\",{members}}}\n")
}

fn allowed(minute: u32, user: &str, reference: &str) -> String {
    let attempts = r#""attempts":[{"scheme":"https","port":443,"verified":true}]"#;
    let members = format!(
        r#""user":"{user}","reference":"{reference}","kind":"image","decision":"allow","reason":"matched",{attempts}"#
    );
    record(minute, &members)
}

fn denied(minute: u32, user: &str, reference: &str) -> String {
    let outcome = r#""kind":"image","decision":"deny","enforced":false,"reason":"not-whitelisted""#;
    record(minute, &format!(r#""user":"{user}","reference":"{reference}",{outcome}"#))
}

fn replay(policy: &str, inputs: &[&[u8]]) -> ReplayReport {
    let mut reader = RecordReader::new(false);
    for (number, input) in inputs.iter().enumerate() {
        reader.read(&format!("input-{number}"), Cursor::new(input.to_vec()), |_, _| ()).unwrap();
    }
    reader.finish().replay(&NativePolicy::new(policy))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn each_kind_of_difference_is_a_group() {
    let record = [
        allowed(1, "alice", "harbor.test/app:1"),
        allowed(5, "bob", "harbor.test/app:2"),
        allowed(3, "alice", "harbor.test/app:1"),
        denied(2, "carol", "quay.test/x"),
        allowed(4, "dave", "plain.test/x"),
        allowed(6, "erin", "10.0.0.1/x"),
        allowed(7, "erin", "kept.test/x"),
    ]
    .concat();
    let policy = r#"{"whitelist": ["quay.test", "kept.test", "*.example.test"], "insecure": ["plain.test"]}"#;
    let report = replay(policy, &[record.as_bytes()]);
    assert_eq!((report.verdict, report.records, report.requests, report.unchanged), (ReplayVerdict::Wider, 7, 6, 1));
    let groups: Vec<_> = report
        .changes
        .iter()
        .map(|row| (row.change, row.registry.as_deref().unwrap(), row.records, row.less_safe))
        .collect();
    let expected = [
        (ReplayChange::NewlyDenied, "harbor.test", 3, false),
        (ReplayChange::NewlyAllowed, "quay.test", 1, false),
        (ReplayChange::ReachedOtherwise, "plain.test", 1, true),
        (ReplayChange::Undecided, "10.0.0.1", 1, false),
    ];
    assert_eq!(groups, expected);
    let harbor = &report.changes[0];
    assert_eq!((&*harbor.first, &*harbor.last), ("2026-10-01T00:01:00.5Z", "2026-10-01T00:05:00.5Z"));
    assert_eq!((harbor.users.as_slice(), harbor.references), (["alice".to_owned(), "bob".to_owned()].as_slice(), 2));
    let most = &harbor.examples[0];
    assert_eq!((&*most.reference, most.records, &*most.before.reason), ("harbor.test/app:1", 2, "matched"));
    assert_eq!((most.after.decision, &*most.after.reason), ("deny", "not-whitelisted"));
    assert_eq!(report.changes[1].not_enforced, 1);
    assert_eq!(report.changes[3].examples[0].after.queries[0].subject, "10.0.0.1");
}

#[test]
fn blocked_registry_is_denied_by_its_entry() {
    let report = replay(r#"{"blocked": ["*.evil.test"]}"#, &[allowed(1, "a", "x.evil.test/y").as_bytes()]);
    let after = &report.changes[0].examples[0].after;
    assert_eq!((&*after.reason, after.entry.as_deref()), ("blocked", Some("*.evil.test")));
    let unblocked = record(
        1,
        r#""user":"","reference":"evil.test/x","kind":"image","decision":"deny","reason":"blocked","entry":"evil.test""#,
    );
    assert_eq!(replay("{}", &[unblocked.as_bytes()]).changes[0].change, ReplayChange::NewlyAllowed);
}

#[test]
fn policy_that_changes_nothing_is_the_same() {
    let record = [allowed(1, "a", "h.test/x"), denied(2, "a", "evil.test/x")].concat();
    let report = replay(r#"{"whitelist": ["h.test"]}"#, &[record.as_bytes()]);
    assert_eq!((report.verdict, report.changes.len(), report.unchanged), (ReplayVerdict::Same, 0, 2));
    let narrower = replay(r#"{"whitelist": []}"#, &[record.as_bytes()]);
    assert_eq!(narrower.verdict, ReplayVerdict::NotWider);
}

#[test]
fn dns_answers_and_projects_on_record_decide() {
    let answers = r#"[{"kind":"reverse","subject":"10.0.0.1","answers":["a.example.test"]},
        {"kind":"forward","subject":"a.example.test","answers":["10.0.0.1"]}]"#
        .replace('\n', "");
    let question = |members: &str| {
        record(
            1,
            &format!(
                r#""user":"u","reference":"10.0.0.1/x","kind":"image","decision":"deny","reason":"not-whitelisted"{members}"#
            ),
        )
    };
    let answered = question(&format!(r#","dnsAnswers":{answers}"#));
    let in_team = question(r#","project":"team""#);
    let policy = r#"{"whitelist": ["*.example.test"], "projects": {"team": {"whitelist": ["10.0.0.1"]}, "other": {}}}"#;
    let report = replay(policy, &[answered.as_bytes(), in_team.as_bytes(), question("").as_bytes()]);
    let groups: Vec<_> = report.changes.iter().map(|row| (row.change, row.records)).collect();
    assert_eq!(groups, [(ReplayChange::NewlyAllowed, 2), (ReplayChange::Undecided, 1)]);
    assert_eq!(report.changes[0].projects, ["team"]);
    assert_eq!(report.changes[0].examples[0].dns_answers.len(), 2);
    // An unknown project is denied, and it was.
    let stranger = replay(policy, &[question(r#","project":"stranger""#).as_bytes()]);
    assert_eq!(stranger.verdict, ReplayVerdict::Same);
}

#[test]
fn records_of_settings_and_of_older_versions_are_said() {
    let old = record(
        1,
        r#""user":"","action":"pull","reference":"h.test/x","decision":"allow","reason":"matched","entry":"h.test""#,
    );
    let build = record(2, r#""user":"","action":"build","reference":"","decision":"allow","reason":"docker-builds""#);
    let api = record(
        3,
        r#""user":"","reference":"h.test/x","decision":"allow","reason":"matched","admits":false,"omitted":7"#,
    );
    let text = [old, build.clone(), build, api].concat();
    let report = replay(r#"{"insecure": ["h.test"]}"#, &[text.as_bytes()]);
    assert_eq!(
        (report.verdict, report.records, report.without_transport, report.omitted),
        (ReplayVerdict::Same, 2, 2, 7)
    );
    assert_eq!((&*report.overrides[0].reason, report.overrides[0].records), ("docker-builds", 2));
    let mut reader = RecordReader::new(true);
    reader.read("x", Cursor::new(text.into_bytes()), |_, _| ()).unwrap();
    let report = reader.finish().replay(&NativePolicy::new("{}"));
    assert_eq!((report.records, report.excluded), (1, 1));
}

#[test]
fn gzip_is_known_by_its_content_in_several_members() {
    let (one, two) = (allowed(1, "a", "h.test/x"), denied(2, "b", "evil.test/x"));
    let members = [gzip(one.as_bytes()), gzip(two.as_bytes())].concat();
    let report = replay("{}", &[&members, one.as_bytes()]);
    assert_eq!((report.records, report.skipped.len()), (3, 0));
    // A member that is cut off: what was read of it counts.
    let long: String = (0..20_000).map(|number| allowed(number % 1_440, "a", &format!("h-{number}.test/x"))).collect();
    let whole = gzip(long.as_bytes());
    let report = replay("{}", &[&whole[..whole.len() / 2]]);
    let skipped = &report.skipped[0];
    assert!((1_000..20_000).contains(&report.records), "{}", report.records);
    assert_eq!((skipped.reason, skipped.lines, skipped.line), (SkipReason::CutOff, 1, report.records + 1));
    for (bytes, says) in [
        (&b"\x1f\x8b\x08\x00garbage that is no gzip data at all"[..], ""),
        (b"\x28\xb5\x2f\xfd....", "compressed with Zstandard"),
        (b"\xfd7zXZ\x00....", "compressed with xz"),
    ] {
        let mut reader = RecordReader::new(false);
        let error = reader.read("x", Cursor::new(bytes.to_vec()), |_, _| ()).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(matches!(error, ReadError::Io(_)), says.is_empty());
    }
}

#[test]
fn lines_that_are_no_records_are_counted_with_the_first_place() {
    let good = allowed(1, "a", "h.test/x");
    let long = format!("{{\"reference\":\"{}\"}}\n", "x".repeat(3 << 20));
    let deep = format!("{}\n", "[".repeat(500_000));
    let broken_utf8 = b"{\"time\":\"2026-10-01T00:00:00Z\",\"reference\":\"\xff\",\"decision\":\"allow\"}\n";
    let bytes = [
        good.as_bytes(),
        b"\n \r\n",
        b"started\n",
        broken_utf8,
        deep.as_bytes(),
        long.as_bytes(),
        good.as_bytes(),
        &good.as_bytes()[..40],
    ]
    .concat();
    let report = replay("{}", &[good.as_bytes(), &bytes]);
    let skipped: Vec<_> =
        report.skipped.iter().map(|lines| (lines.reason, lines.lines, &*lines.input, lines.line)).collect();
    let expected = [
        (SkipReason::NoRecord, 3, "input-1", 4),
        (SkipReason::CutOff, 1, "input-1", 9),
        (SkipReason::LongLine, 1, "input-1", 7),
    ];
    assert_eq!((report.records, skipped.as_slice()), (3, expected.as_slice()));
    // A whole record without a line end is none the worse.
    assert!(replay("{}", &[good.trim_end().as_bytes()]).skipped.is_empty());
}

#[test]
fn chunks_end_at_lines_wherever_reads_end() {
    /// A stream that gives one, two, three bytes, and so on.
    struct Trickle(Cursor<Vec<u8>>, usize);
    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.1 += 1;
            let end = buffer.len().min(self.1);
            self.0.read(&mut buffer[..end])
        }
    }
    let text: String =
        (0..5_000).map(|number| allowed(number % 1_440, &format!("user-{}", number % 50), "h.test/x")).collect();
    let mut reports = Vec::new();
    for _ in 0..2 {
        let mut reader = RecordReader::new(false);
        reader.read("x", Trickle(Cursor::new(text.clone().into_bytes()), 0), |_, _| ()).unwrap();
        reports.push(reader.finish().replay(&NativePolicy::new(r#"{"whitelist":[]}"#)));
    }
    reports.push(replay(r#"{"whitelist":[]}"#, &[text.as_bytes()]));
    assert_eq!((reports[0].records, reports[0].changes.len()), (5_000, 1));
    let row = &reports[0].changes[0];
    let first: Vec<String> = (0..8).map(|number| format!("user-{number}")).collect();
    assert_eq!((row.users.as_slice(), row.more_users), (first.as_slice(), true));
    assert!(reports.iter().all(|report| report.changes == reports[0].changes));
}
