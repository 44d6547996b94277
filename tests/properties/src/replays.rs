//! Replays of audit records (rule A4).

use std::io::{Cursor, Read};
use std::sync::LazyLock;

use pullgate::{Decision, Policy, Request, Response};
use pullgate_replay::{PolicyDecider, RecordReader, ReplayReport};

/// A policy that is evaluated natively.
struct NativePolicy(Policy);

impl PolicyDecider for NativePolicy {
    fn decide_many(&self, requests: &[Request<'_>]) -> Vec<Decision<'static>> {
        let decide = |request| {
            let json = self.0.answer(request).to_json();
            serde_json::from_str::<Response<'static>>(&json).expect("canonical JSON is read").decision
        };
        requests.iter().map(decide).collect()
    }

    fn registry(&self, request: &Request<'_>) -> Option<String> {
        self.0.answer(request).registry.map(Into::into)
    }
}

static POLICY: LazyLock<NativePolicy> = LazyLock::new(|| {
    let document = r#"{"whitelist":["*.example.com","docker.io/library"],"insecure":["10.0.0.0/8"],
        "blocked":["evil.example.com"],"projects":{"p":{"whitelist":["quay.io"]}},"unlisted_projects":"global"}"#;
    NativePolicy(Policy::load(document, 0).expect("the policy loads").policy)
});

/// Every record is counted once, and the report does not depend on how the bytes arrive.
pub fn replay(data: &[u8]) {
    let Some(report) = read(Cursor::new(data.to_vec())) else { return };
    let changed: u64 = report.changes.iter().map(|change| change.records).sum();
    assert_eq!(report.unchanged + changed, report.records, "records are lost or counted twice: {report:?}");
    let listed: u64 = report.changes.iter().flat_map(|change| &change.examples).map(|example| example.records).sum();
    assert!(listed <= changed, "examples have more records than there are: {report:?}");
    let pieces = SmallReads(Cursor::new(data.to_vec()));
    assert_eq!(read(pieces).as_ref(), Some(&report), "read in pieces, another report");
}

fn read(stream: impl Read + 'static) -> Option<ReplayReport> {
    let mut reader = RecordReader::new(false);
    let result = reader.read("audit.jsonl", stream, |_, _| ());
    let requests = reader.finish();
    result.ok().map(|()| requests.replay(&*POLICY))
}

/// A stream that gives a few bytes at a time.
struct SmallReads(Cursor<Vec<u8>>);

impl Read for SmallReads {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let few = buffer.len().min(7);
        self.0.read(&mut buffer[..few])
    }
}
