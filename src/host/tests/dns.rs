//! Decisions that depend on DNS, with a resolver of fixed answers (rules M4 to M6).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pullgate::{Decision, DenialReason, DnsAnswer, DnsQuery, LookupKind, MissReason, Request};
use pullgate_host::{
    Dns, DnsError, DnsLimits, DnsResponse, EvaluatorOptions, Module, PolicyEvaluator, ResolveFuture, Resolver,
};
use tokio::time::{Instant, advance, sleep};

/// A resolver with fixed answers that records queries and can delay responses.
#[derive(Clone, Default)]
struct FixedResolver {
    state: Arc<Mutex<FixedResolverState>>,
}

#[derive(Default)]
struct FixedResolverState {
    answers: HashMap<DnsQuery, Result<DnsResponse, DnsError>>,
    slow: HashMap<DnsQuery, Duration>,
    asked: Vec<String>,
}

impl FixedResolver {
    fn names(self, address: &str, names: &[&str]) -> Self {
        self.response(LookupKind::Reverse, address, Ok(names), 60)
    }

    fn addresses(self, name: &str, addresses: &[&str]) -> Self {
        self.response(LookupKind::Forward, name, Ok(addresses), 60)
    }

    fn response(self, kind: LookupKind, subject: &str, answers: Result<&[&str], &str>, ttl: u64) -> Self {
        let ttl = Duration::from_secs(ttl);
        let answers = answers
            .map(|answers| DnsResponse { answers: answers.iter().map(|&answer| answer.to_owned()).collect(), ttl })
            .map_err(|error| DnsError(error.to_owned()));
        self.state.lock().unwrap().answers.insert(question(kind, subject), answers);
        self
    }

    fn slow(self, kind: LookupKind, subject: &str, time: Duration) -> Self {
        self.state.lock().unwrap().slow.insert(question(kind, subject), time);
        self
    }

    /// Returns the subjects queried since the last call.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }

    fn evaluator(&self, policy: &str, limits: DnsLimits) -> PolicyEvaluator {
        let options = EvaluatorOptions { dns: Some(Dns::new(self.clone(), limits)), ..EvaluatorOptions::default() };
        Module::built_in().unwrap().load(policy, 0, options).unwrap().0
    }
}

impl Resolver for FixedResolver {
    fn resolve<'a>(&'a self, question: &'a DnsQuery) -> ResolveFuture<'a> {
        let mut pages = self.state.lock().unwrap();
        pages.asked.push(question.subject.clone());
        let time = pages.slow.get(question).copied();
        // Unknown names do not exist, with a negative time to live of a minute.
        let none = DnsResponse { answers: Vec::new(), ttl: Duration::from_secs(60) };
        let answer = pages.answers.get(question).cloned().unwrap_or(Ok(none));
        Box::pin(async move {
            if let Some(time) = time {
                sleep(time).await;
            }
            answer
        })
    }
}

const WILDCARD: &str = r#"{"whitelist": ["*.example.com"]}"#;
const NETWORK: &str = r#"{"whitelist": ["10.2.0.0/16"], "match_resolved_addresses": true}"#;
const ADDRESS: Request<'_> = asked("10.2.2.5/app");
const NAME: Request<'_> = asked("harbor.corp.local/app");

const fn asked(reference: &str) -> Request<'_> {
    Request { reference, kind: pullgate::ReferenceKind::Image, project: None, dns_answers: &[] }
}

fn question(kind: LookupKind, subject: &str) -> DnsQuery {
    DnsQuery { kind, subject: subject.to_owned() }
}

fn pinned(decision: Decision<'_>) -> Vec<String> {
    match decision {
        Decision::Allow(allowed) => allowed.pinned,
        other => panic!("{other:?} does not allow"),
    }
}

fn denial(decision: &Decision<'_>) -> (DenialReason, Option<MissReason>) {
    match decision {
        Decision::Deny(denied) => (denied.reason, denied.nearest.as_ref().map(|nearest| nearest.miss)),
        other => panic!("{other:?} is no denial"),
    }
}

const UNCONFIRMED: (DenialReason, Option<MissReason>) =
    (DenialReason::NotWhitelisted, Some(MissReason::NameUnconfirmed));
const OUTSIDE: (DenialReason, Option<MissReason>) = (DenialReason::NotWhitelisted, Some(MissReason::AddressOutside));

#[tokio::test(start_paused = true)]
async fn a_name_that_resolves_back_is_confirmed() {
    let book = FixedResolver::default()
        .names("10.2.2.5", &["a.example.com"])
        .addresses("a.example.com", &["10.2.2.9", "10.2.2.5"]);
    let evaluator = book.evaluator(WILDCARD, DnsLimits::default());
    assert!(matches!(evaluator.decide(&ADDRESS).await, Decision::Allow(_)));
    assert_eq!(book.asked(), ["10.2.2.5", "a.example.com"]);
}

#[tokio::test(start_paused = true)]
async fn a_lying_name_is_not_believed() {
    let book = FixedResolver::default().names("10.2.2.5", &["a.example.com"]).addresses("a.example.com", &["10.9.9.9"]);
    let evaluator = book.evaluator(WILDCARD, DnsLimits::default());
    assert_eq!(denial(&evaluator.decide(&ADDRESS).await), UNCONFIRMED);
}

#[tokio::test(start_paused = true)]
async fn all_addresses_must_be_covered_and_are_pinned() {
    let book = FixedResolver::default().addresses("harbor.corp.local", &["10.2.2.5", "10.2.9.9"]);
    let evaluator = book.evaluator(NETWORK, DnsLimits::default());
    assert_eq!(pinned(evaluator.decide(&NAME).await), ["10.2.2.5", "10.2.9.9"]);
    let book = FixedResolver::default().addresses("harbor.corp.local", &["10.2.2.5", "10.3.0.1"]);
    let evaluator = book.evaluator(NETWORK, DnsLimits::default());
    assert_eq!(denial(&evaluator.decide(&NAME).await), OUTSIDE);
}

#[tokio::test(start_paused = true)]
async fn unanswered_queries_do_not_match() {
    let failing = FixedResolver::default().response(LookupKind::Reverse, "10.2.2.5", Err("SERVFAIL"), 0);
    let missing = FixedResolver::default();
    let late = FixedResolver::default()
        .names("10.2.2.5", &["a.example.com"])
        .addresses("a.example.com", &["10.2.2.5"])
        .slow(LookupKind::Reverse, "10.2.2.5", Duration::from_secs(3));
    for book in [failing, missing, late] {
        let evaluator = book.evaluator(WILDCARD, DnsLimits::default());
        assert_eq!(denial(&evaluator.decide(&ADDRESS).await).0, DenialReason::NotWhitelisted);
        assert_eq!(book.asked(), ["10.2.2.5"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_decision_that_waits_too_long_is_a_denial() {
    let second = Duration::from_millis(1_900);
    let book = FixedResolver::default()
        .names("10.2.2.5", &["a.example.com"])
        .slow(LookupKind::Reverse, "10.2.2.5", second)
        .slow(LookupKind::Forward, "a.example.com", second);
    let limits = DnsLimits { decision_timeout: Duration::from_secs(3), ..DnsLimits::default() };
    let evaluator = book.evaluator(WILDCARD, limits);
    let start = Instant::now();
    assert_eq!(denial(&evaluator.decide(&ADDRESS).await).0, DenialReason::TimeOut);
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    advance(Duration::from_secs(60)).await;
    let line = evaluator.decide_text(&ADDRESS).await;
    assert!(line.contains(r#""decision":"deny","reason":"time-out","text":"DNS took more than 3000 ms""#), "{line}");
}

#[tokio::test(start_paused = true)]
async fn the_questions_of_one_round_are_asked_at_once() {
    let names = ["a.example.com", "b.example.com", "c.example.com"];
    let second = Duration::from_secs(1);
    let mut book = FixedResolver::default().names("10.2.2.5", &names).addresses("c.example.com", &["10.2.2.5"]);
    for name in names {
        book = book.slow(LookupKind::Forward, name, second);
    }
    let start = Instant::now();
    let evaluator = book.evaluator(WILDCARD, DnsLimits::default());
    assert!(matches!(evaluator.decide(&ADDRESS).await, Decision::Allow(_)));
    assert_eq!(start.elapsed(), second);
}

#[tokio::test(start_paused = true)]
async fn answers_are_kept_until_their_time_is_over() {
    let book = FixedResolver::default().response(LookupKind::Reverse, "10.2.2.5", Ok(&["a.example.com"]), 30).response(
        LookupKind::Forward,
        "a.example.com",
        Ok(&["10.2.2.5"]),
        10,
    );
    let evaluator = book.evaluator(WILDCARD, DnsLimits::default());
    evaluator.decide(&ADDRESS).await;
    assert_eq!(book.asked().len(), 2);
    advance(Duration::from_secs(9)).await;
    evaluator.decide(&ADDRESS).await;
    assert!(book.asked().is_empty());
    // The address changes: the cached answer expires.
    let book = book.response(LookupKind::Forward, "a.example.com", Ok(&["10.9.9.9"]), 10);
    advance(Duration::from_secs(1)).await;
    assert_eq!(denial(&evaluator.decide(&ADDRESS).await), UNCONFIRMED);
    assert_eq!(book.asked(), ["a.example.com"]);
}

#[tokio::test(start_paused = true)]
async fn negative_answers_are_cached() {
    let book = FixedResolver::default().response(LookupKind::Reverse, "10.2.2.5", Ok(&[]), 20).response(
        LookupKind::Reverse,
        "10.2.2.6",
        Err("SERVFAIL"),
        0,
    );
    let evaluator = book.evaluator(WILDCARD, DnsLimits::default());
    for (reference, seconds) in [("10.2.2.5/app", 20), ("10.2.2.6/app", 1)] {
        for _ in 0..2 {
            evaluator.decide(&asked(reference)).await;
        }
        assert_eq!(book.asked().len(), 1, "{reference} is asked once");
        advance(Duration::from_secs(seconds)).await;
        evaluator.decide(&asked(reference)).await;
        assert_eq!(book.asked().len(), 1, "{reference} is asked again after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_kept_for_longer_than_the_limit() {
    let book = FixedResolver::default().response(LookupKind::Reverse, "10.2.2.5", Ok(&[]), 1_000_000);
    let evaluator = book.evaluator(WILDCARD, DnsLimits { max_ttl: Duration::from_secs(60), ..DnsLimits::default() });
    evaluator.decide(&ADDRESS).await;
    advance(Duration::from_secs(60)).await;
    evaluator.decide(&ADDRESS).await;
    assert_eq!(book.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_cache_is_bounded() {
    let book = FixedResolver::default();
    let evaluator = book.evaluator(WILDCARD, DnsLimits { cache_capacity: 10, ..DnsLimits::default() });
    let references: Vec<String> = (0..11).map(|last| format!("10.2.3.{last}/app")).collect();
    for reference in &references {
        evaluator.decide(&asked(reference)).await;
    }
    assert_eq!(book.asked().len(), 11);
    evaluator.decide(&asked(&references[10])).await;
    assert!(book.asked().is_empty(), "the last one is still there");
    evaluator.decide(&asked(&references[0])).await;
    assert_eq!(book.asked(), ["10.2.3.0"], "the first one made room");
}

#[tokio::test(start_paused = true)]
async fn policies_share_a_cache() {
    let book = FixedResolver::default();
    let dns = Dns::new(book.clone(), DnsLimits::default());
    for _ in 0..2 {
        let options = EvaluatorOptions { dns: Some(dns.clone()), ..EvaluatorOptions::default() };
        let (evaluator, _) = Module::built_in().unwrap().load(WILDCARD, 0, options).unwrap();
        evaluator.decide(&ADDRESS).await;
    }
    assert_eq!(book.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_decision_asks_no_more_than_it_may() {
    let names: Vec<String> = (0..100).map(|number| format!("n{number}.example.com")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let book = FixedResolver::default().names("10.2.2.5", &names).addresses("n99.example.com", &["10.2.2.5"]);
    let evaluator = book.evaluator(WILDCARD, DnsLimits { max_queries: 8, ..DnsLimits::default() });
    assert_eq!(denial(&evaluator.decide(&ADDRESS).await), UNCONFIRMED);
    assert_eq!(book.asked().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn names_of_an_address_fit_in_a_request() {
    let mut names: Vec<String> = (0..255).map(|number| format!("n{number:03}.example.com")).collect();
    // No name is that long, so that it is none.
    names.push("n".repeat(254));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let book = FixedResolver::default().names("10.2.2.5", &names).addresses("n030.example.com", &["10.2.2.5"]);
    let evaluator = book.evaluator(WILDCARD, DnsLimits::default());
    assert!(matches!(evaluator.decide(&ADDRESS).await, Decision::Allow(_)));
    assert_eq!(book.asked().len(), 32);
    let book = FixedResolver::default().names("10.2.2.5", &names).addresses("n031.example.com", &["10.2.2.5"]);
    assert_eq!(denial(&book.evaluator(WILDCARD, DnsLimits::default()).decide(&ADDRESS).await), UNCONFIRMED);
}

#[tokio::test(start_paused = true)]
async fn too_many_addresses_are_none() {
    let many: Vec<String> = (0..257).map(|number| format!("10.2.{}.{}", number / 256, number % 256)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let book = FixedResolver::default().addresses("harbor.corp.local", &many);
    let nothing = (DenialReason::NotWhitelisted, None);
    assert_eq!(denial(&book.evaluator(NETWORK, DnsLimits::default()).decide(&NAME).await), nothing);
    let long = "1".repeat(254);
    let book = FixedResolver::default().addresses("harbor.corp.local", &["10.2.2.5", &long]);
    assert_eq!(denial(&book.evaluator(NETWORK, DnsLimits::default()).decide(&NAME).await), nothing);
    let book = FixedResolver::default().addresses("harbor.corp.local", &many[..256]);
    assert_eq!(pinned(book.evaluator(NETWORK, DnsLimits::default()).decide(&NAME).await).len(), 256);
}

#[tokio::test(start_paused = true)]
async fn given_dns_answers_are_not_looked_up() {
    let book = FixedResolver::default().addresses("a.example.com", &["10.2.2.5"]);
    let evaluator = book.evaluator(WILDCARD, DnsLimits::default());
    let fact = DnsAnswer {
        kind: LookupKind::Reverse,
        subject: "10.2.2.5".to_owned(),
        answers: vec!["a.example.com".to_owned()],
    };
    let request = Request { dns_answers: &[fact], ..ADDRESS };
    assert!(matches!(evaluator.decide(&request).await, Decision::Allow(_)));
    assert_eq!(book.asked(), ["a.example.com"]);
}

#[tokio::test(start_paused = true)]
async fn all_decide_methods_agree() {
    let book = FixedResolver::default().names("10.2.2.5", &["a.example.com"]).addresses("a.example.com", &["10.2.2.5"]);
    let evaluator = book.evaluator(WILDCARD, DnsLimits::default());
    let requests = [ADDRESS, asked("b.example.com/app"), asked("10.2.2.6/app")];
    let decisions = evaluator.decide_many(&requests).await;
    for (request, decision) in requests.iter().zip(decisions) {
        assert_eq!(evaluator.decide(request).await, decision);
        let explanation = evaluator.explain(request).await;
        assert_eq!(explanation.response.decision, decision);
        assert_eq!(explanation.response.to_json(), evaluator.decide_text(request).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_on_many_threads_share_a_policy() {
    let mut book = FixedResolver::default();
    for last in 0..50 {
        book = book.names(&format!("10.2.2.{last}"), &["a.example.com"]);
    }
    let book = book.addresses("a.example.com", &["10.2.2.7"]).slow(
        LookupKind::Forward,
        "a.example.com",
        Duration::from_millis(5),
    );
    let evaluator = book.evaluator(WILDCARD, DnsLimits::default());
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let evaluator = evaluator.clone();
            tokio::spawn(async move {
                let reference = format!("10.2.2.{}/app", number % 50);
                let decision = evaluator.decide(&asked(&reference)).await;
                assert_eq!(matches!(decision, Decision::Allow(_)), number % 50 == 7, "{reference}");
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn without_dns_the_questions_stay() {
    let book = FixedResolver::default();
    let with = book.evaluator(WILDCARD, DnsLimits::default());
    let (without, _) = Module::built_in().unwrap().load(WILDCARD, 0, EvaluatorOptions::default()).unwrap();
    let questions = Decision::Lookup(vec![question(LookupKind::Reverse, "10.2.2.5")]);
    assert_eq!(with.decide_offline(&ADDRESS), questions);
    assert_eq!(without.decide(&ADDRESS).await, questions);
    assert_eq!(without.decide_many(&[ADDRESS]).await, [questions]);
    assert!(without.decide_text(&ADDRESS).await.contains(r#""decision":"lookup""#));
    assert!(book.asked().is_empty());
}
