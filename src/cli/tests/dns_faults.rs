//! `pullgate serve` with a DNS server that is slow, silent, lies, loops, or answers with more than it should: what depends
//! on DNS is denied in time, with a reason, and costs a bounded number of questions and bytes.

mod common;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use common::daemon::Daemon;
use common::dns_server::{
    A, CNAME, DnsServer, NAME_ERROR, NO_ERROR, PTR, Question, REFUSED, Reaction, SERVER_FAILURE, address, answer, link,
};
use common::file;
use serde_json::{Value, json};

/// An address that the whitelist covers, and one that it does not.
const INSIDE: [u8; 4] = [10, 2, 0, 1];
const OUTSIDE: [u8; 4] = [10, 9, 9, 9];

/// The maximum duration of a decision with DNS is 4 s; the rest is for a machine that is busy otherwise.
const MAX_DURATION: Duration = Duration::from_secs(20);

/// The first round fills what is kept, and the others must add nothing.
const ROUNDS: usize = 3;

/// The memory that a daemon may take more after hundreds of such decisions.
const MAX_GROWTH: u64 = 24 << 20;

const POLICY: &str = r#"{"whitelist": ["10.2.0.0/16", "*.example.com"], "match_resolved_addresses": true}"#;

/// References that no answer of the server may open: the name of each says what it does.
const FAULTS: &[&str] = &[
    "silent.test",
    "late.test",
    "no-such-name.test",
    "no-record.test",
    "failure.test",
    "refused.test",
    "other-id.test",
    "other-question.test",
    "foreign.test",
    "query.test",
    "truncated.test",
    "trickle.test",
    "many.test",
    "huge.test",
    "cut.test",
    "pointer.test",
    "itself.test",
    "loop-a.test",
    "chain-0.test",
    "flood.test",
    "half.test",
    "two-families.test",
    // Addresses, whose names decide: none resolves back.
    "10.3.0.1",
    "10.3.0.2",
    "10.3.0.3",
    "10.3.0.4",
    "10.3.0.5",
];

fn react(question: &Question) -> Reaction {
    let name = question.name.as_str();
    let inside = || address(name, 1, INSIDE);
    let label = name.split('.').next().unwrap_or_default();
    if question.record == PTR {
        return names_of_address(question, label);
    }
    // Unless it is about them, there are no IPv6 addresses.
    if question.record != A && !["silent", "half", "two-families"].contains(&label) {
        return answer(question.nothing(NO_ERROR));
    }
    match label {
        "good" => answer(question.response(NO_ERROR, &[inside()])),
        "silent" => Reaction::Silence,
        "late" => Reaction::Messages(vec![(Duration::from_secs(5), question.response(NO_ERROR, &[inside()]))]),
        "no-such-name" => answer(question.nothing(NAME_ERROR)),
        "no-record" => answer(question.nothing(NO_ERROR)),
        "failure" => answer(question.response(SERVER_FAILURE, &[])),
        "refused" => answer(question.response(REFUSED, &[])),
        "other-id" => answer(question.forged(question.id ^ 1, 0x8180, None, &[inside()])),
        "other-question" => {
            answer(question.forged(question.id, 0x8180, Some("good.test"), &[address("good.test", 1, INSIDE)]))
        }
        "foreign" => answer(question.response(NO_ERROR, &[address("good.test", 1, INSIDE)])),
        "alias" => answer(question.response(NO_ERROR, &[link(name, CNAME, "good.test")])),
        // A message that is no response.
        "query" => answer(question.forged(question.id, 0x0100, None, &[inside()])),
        "truncated" if question.is_tcp => Reaction::Silence,
        "over-tcp" if question.is_tcp => answer(question.response(NO_ERROR, &[inside()])),
        "trickle" if question.is_tcp => {
            let message = question.response(NO_ERROR, &[inside()]);
            let bytes = [&(message.len() as u16).to_be_bytes()[..], &message].concat();
            Reaction::Trickle(Duration::from_millis(500), bytes)
        }
        "many" if question.is_tcp => answer(question.response(NO_ERROR, &vec![inside(); 2_000])),
        "huge" if question.is_tcp => {
            let mut message = question.response(NO_ERROR, &[inside()]);
            message.resize(usize::from(u16::MAX), 0xff);
            message[6..8].copy_from_slice(&u16::MAX.to_be_bytes());
            answer(message)
        }
        "truncated" | "over-tcp" | "trickle" | "many" | "huge" => answer(question.truncated()),
        "cut" => {
            let mut message = question.response(NO_ERROR, &[inside()]);
            message.truncate(message.len() - 3);
            answer(message)
        }
        "pointer" => {
            // A name that points at itself (RFC 1035, section 4.1.4).
            let mut message = question.response(NO_ERROR, &[]);
            let at = 0xc000 | message.len() as u16;
            message[7] = 1;
            message.extend(at.to_be_bytes());
            message.extend([0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 10, 2, 0, 1]);
            answer(message)
        }
        "itself" => answer(question.response(NO_ERROR, &[link(name, CNAME, name)])),
        "loop-a" => answer(question.response(NO_ERROR, &[link(name, CNAME, "loop-b.test")])),
        "loop-b" => answer(question.response(NO_ERROR, &[link(name, CNAME, "loop-a.test")])),
        "flood" => {
            let wrong = |number: u16| question.forged(question.id ^ (number | 1), 0x8180, None, &[inside()]);
            Reaction::Messages((0..2_000).map(|number| (Duration::ZERO, wrong(number))).collect())
        }
        // Both families count.
        "half" if question.record == A => answer(question.response(NO_ERROR, &[inside()])),
        "half" => answer(question.response(SERVER_FAILURE, &[])),
        "two-families" if question.record == A => answer(question.response(NO_ERROR, &[inside()])),
        "two-families" => {
            let outside = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
            answer(question.response(NO_ERROR, &[(name.to_owned(), 28, 1, outside.to_vec())]))
        }
        // Answers that change: the first is inside, and must not be kept.
        "changing" => {
            let octets = if question.number < 2 { INSIDE } else { OUTSIDE };
            answer(question.response(NO_ERROR, &[address(name, 0, octets)]))
        }
        _ => match label.strip_prefix("chain-").and_then(|number| number.parse::<u32>().ok()) {
            Some(number) => {
                let next = format!("chain-{}.test", number + 1);
                answer(question.response(NO_ERROR, &[link(name, CNAME, &next)]))
            }
            None => answer(question.nothing(NAME_ERROR)),
        },
    }
}

/// Answers for the names of 10.3.0.1 to 10.3.0.5, of which none leads back.
fn names_of_address(question: &Question, last_octet: &str) -> Reaction {
    let name = question.name.as_str();
    let names = |names: &[String]| {
        let records: Vec<_> = names.iter().map(|target| link(name, PTR, target)).collect();
        answer(question.response(NO_ERROR, &records))
    };
    match last_octet {
        "1" => names(&["lies.example.com".to_owned()]),
        "2" if !question.is_tcp => answer(question.truncated()),
        "2" => names(&(0..300).map(|number| format!("n{number}.example.com")).collect::<Vec<_>>()),
        // Not names that a terminal should see.
        "3" => names(&["\u{1b}[31mx.example.com".to_owned(), "a b\u{7}.example.com".to_owned()]),
        "4" => answer(question.response(NO_ERROR, &[link(name, CNAME, name)])),
        _ => Reaction::Silence,
    }
}

fn decide(daemon: &Daemon, host: &str) -> (Value, Duration) {
    let start = Instant::now();
    let decision = daemon.post("/v1/decide", &json!({ "reference": format!("{host}/app:1") })).1;
    (decision, start.elapsed())
}

fn start(server: &DnsServer) -> Daemon {
    let policy = file("json", POLICY);
    Daemon::start(&["--policy", &policy, "--dns-server", &server.address.to_string()])
}

fn resident_bytes(daemon: &Daemon) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.process())).unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")).unwrap();
    size.parse::<u64>().unwrap() * 1_024
}

fn descriptors(daemon: &Daemon) -> usize {
    fs::read_dir(format!("/proc/{}/fd", daemon.process())).unwrap().count()
}

#[test]
fn faulty_server_opens_nothing_and_holds_up_nothing() {
    let server = DnsServer::start(react);
    let daemon = start(&server);
    let (mut bytes, mut files) = (0, 0);
    for round in 0..ROUNDS {
        thread::scope(|scope| {
            for &host in FAULTS {
                let daemon = &daemon;
                scope.spawn(move || {
                    let (decision, elapsed) = decide(daemon, host);
                    assert_eq!(decision["decision"], "deny", "{host}: {decision}");
                    let reason = decision["reason"].as_str().unwrap();
                    assert!(["not-whitelisted", "time-out"].contains(&reason), "{host}: {decision}");
                    let text = decision["text"].as_str().unwrap();
                    assert!(!text.is_empty() && !text.chars().any(char::is_control), "{host}: {text:?}");
                    assert!(elapsed < MAX_DURATION, "{host} took {elapsed:?}");
                });
            }
            // Beside all of that, a server that answers is believed.
            daemon.waits_for(|daemon| decide(daemon, "good.test").0["decision"] == "allow");
        });
        if round == 0 {
            (bytes, files) = (resident_bytes(&daemon), descriptors(&daemon));
        }
        // A failure is kept for a second: the next round asks again.
        thread::sleep(Duration::from_millis(1_100));
    }
    let growth = resident_bytes(&daemon).saturating_sub(bytes);
    assert!(growth < MAX_GROWTH, "{growth} bytes more");
    daemon.waits_for(|daemon| descriptors(daemon) <= files + 8);
    // Each name is asked for twice or so, a chain at most some ten times; retries come on top.
    let asked = server.asked();
    assert!((asked as usize) < ROUNDS * FAULTS.len() * 40, "{asked} questions");
    let metrics = daemon.get("/metrics").1;
    assert!(metrics.contains(r#"pullgate_dns_queries_total{outcome="failed"}"#), "{metrics}");
    let (code, records) = daemon.stop();
    assert_eq!(code, Some(0));
    assert!(records.iter().any(|record| record["decision"] == "deny"), "{records:?}");
}

#[test]
fn truncated_answer_is_completed_over_tcp_and_an_alias_is_followed() {
    let server = DnsServer::start(react);
    let daemon = start(&server);
    for host in ["over-tcp.test", "alias.test"] {
        let (decision, _) = decide(&daemon, host);
        assert_eq!((&decision["decision"], &decision["pinned"]), (&json!("allow"), &json!(["10.2.0.1"])), "{decision}");
    }
}

#[test]
fn address_that_has_changed_is_denied_and_the_one_before_is_pinned() {
    let server = DnsServer::start(react);
    let daemon = start(&server);
    let (decision, _) = decide(&daemon, "changing.test");
    assert_eq!((&decision["decision"], &decision["pinned"]), (&json!("allow"), &json!(["10.2.0.1"])), "{decision}");
    let (decision, _) = decide(&daemon, "changing.test");
    assert_eq!(decision["decision"], "deny", "{decision}");
}
