//! Module failures: each is a denial with its own reason, and the next call works (rule D2).

mod hostile_guest;

use std::num::NonZeroUsize;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hostile_guest::{GUEST, digest, guest};
use pullgate::{Decision, DenialReason, EntryList, LookupKind, Request};
use pullgate_host::{
    CallThreads, Dns, DnsLimits, DnsResponse, EvaluatorOptions, LoadError, Module, ModuleError, PolicyEvaluator,
    ResolveFuture, Resolver, ResourceLimits,
};

/// The guest's behaviour by the input's first byte, with reason and text of the denial.
const FAILURES: [(&str, DenialReason, &str); 4] = [
    ("trap", DenialReason::Trap, "trapped"),
    ("recurse", DenialReason::Trap, "trapped"),
    ("loop", DenialReason::TimeOut, "longer than it may"),
    ("memory", DenialReason::Memory, "memory"),
];

fn limits() -> ResourceLimits {
    let (decision, load) = (Duration::from_millis(100), Duration::from_millis(500));
    ResourceLimits { decision_timeout: decision, load_timeout: load, max_memory_bytes: 64 << 20, max_instances: 2 }
}

fn options() -> EvaluatorOptions {
    EvaluatorOptions { limits: limits(), ..EvaluatorOptions::default() }
}

fn evaluator() -> PolicyEvaluator {
    guest().load("policy", 0, options()).unwrap().0
}

fn asked(reference: &str) -> Request<'_> {
    Request { reference, ..Request::default() }
}

/// Returns the reason and the text of a denial.
fn denial(decision: Decision<'_>) -> (DenialReason, String) {
    match decision {
        Decision::Deny(denied) => (denied.reason, denied.text),
        other => panic!("{other:?} is no denial"),
    }
}

/// Asserts the guest's answer in an instance without previous failures.
fn assert_works(evaluator: &PolicyEvaluator) {
    assert_eq!(denial(evaluator.decide_offline(&asked("well"))), (DenialReason::NotWhitelisted, String::new()));
}

#[test]
fn a_failed_decision_is_a_denial_and_the_next_one_works() {
    let evaluator = evaluator();
    assert_works(&evaluator);
    // Other tests share the module and its counters.
    let before = evaluator.module().discarded_instances();
    for (reference, reason, text) in FAILURES {
        for _ in 0..3 {
            let found = denial(evaluator.decide_offline(&asked(reference)));
            assert_eq!(found.0, reason, "{found:?}");
            assert!(found.1.contains(text), "{found:?}");
            assert_works(&evaluator);
        }
    }
    for ((cause, after), (_, before)) in evaluator.module().discarded_instances().into_iter().zip(before) {
        assert!(after >= before + 3, "{cause:?}: {before}, {after}");
    }
}

/// An answer that breaks the component model's rules is a failure as a trap is: nothing of it is used, nor the instance
/// that gave it.
#[test]
fn answer_that_lies_is_a_denial_and_the_next_one_works() {
    let evaluator = evaluator();
    for reference in ["out of memory", "askew", "enum", "kind", "utf-8"] {
        for _ in 0..3 {
            let (reason, text) = denial(evaluator.decide_offline(&asked(reference)));
            assert_eq!(reason, DenialReason::Trap, "{reference}: {text}");
            assert_works(&evaluator);
        }
    }
}

#[test]
fn a_failed_batch_is_denied_whole() {
    let evaluator = evaluator();
    for (reference, reason, _) in FAILURES {
        let decisions = evaluator.decide_many_offline(&[asked(reference), asked("well")]);
        assert_eq!(decisions.len(), 2);
        assert!(decisions.into_iter().all(|decision| denial(decision).0 == reason));
        assert_works(&evaluator);
    }
    // The guest returns no answers for one request.
    let (reason, text) = denial(evaluator.decide_many_offline(&[asked("well")]).remove(0));
    assert_eq!((reason, text.as_str()), (DenialReason::Trap, "the module gave 0 answers to 1 requests"));
}

#[tokio::test]
async fn a_failure_has_a_canonical_text() {
    let evaluator = evaluator();
    let request = asked("trap://user:secret@harbor.corp.local/x");
    let line = evaluator.decide_text(&request).await;
    assert_eq!(line, evaluator.decide_text_offline(&request));
    assert!(
        line.starts_with(r#"{"reference":"trap://***********@harbor.corp.local/x","decision":"deny","reason":"trap","#),
        "{line}"
    );
    let explanation = evaluator.explain(&request).await;
    assert_eq!(explanation.response.to_json(), line);
    assert_eq!(explanation.steps.len(), 1);
    assert_works(&evaluator);
}

#[test]
fn a_time_out_comes_in_time() {
    let evaluator = evaluator();
    let start = Instant::now();
    assert_eq!(denial(evaluator.decide_offline(&asked("loop"))).0, DenialReason::TimeOut);
    let took = start.elapsed();
    assert!(took >= limits().decision_timeout && took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_failed_load_says_why() {
    for (document, reason, _) in FAILURES {
        match guest().load(document, 0, options()) {
            Err(LoadError::Failed(failure)) => assert_eq!(failure.reason, reason),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_failed_check_is_an_error_and_the_next_one_works() {
    let module = guest();
    assert!(module.check_entry("well", EntryList::Whitelist).is_ok());
    assert_eq!(module.check_entry("trap", EntryList::Whitelist).unwrap_err().reason, DenialReason::Trap);
    assert!(module.check_entry("well", EntryList::Whitelist).is_ok());
    assert_eq!(module.check_entry("loop", EntryList::Whitelist).unwrap_err().reason, DenialReason::TimeOut);
    assert!(module.check_entry("well", EntryList::Whitelist).is_ok());
    assert_eq!(module.check_policy("memory", 0).unwrap_err().reason, DenialReason::Memory);
    assert!(module.check_policy("well", 0).is_ok());
}

#[tokio::test]
async fn separate_evaluator_waits_for_no_call_of_the_other() {
    let threads = |name| Some(CallThreads::spawn(name, NonZeroUsize::new(2).unwrap(), || ()).unwrap());
    let (admission, _) = guest().load("policy", 0, EvaluatorOptions { threads: threads("a"), ..options() }).unwrap();
    let slow = ResourceLimits { decision_timeout: Duration::from_secs(2), ..limits() };
    let asking = admission.separate(EvaluatorOptions { limits: slow, threads: threads("b"), ..options() });
    // The first caller loads the first instance.
    assert_eq!(denial(asking.decide(&asked("well")).await).0, DenialReason::NotWhitelisted);
    let request = asked("loop");
    let mut loops = FuturesUnordered::from_iter((0..4).map(|_| asking.decide(&request)));
    assert!(loops.poll_next_unpin(&mut Context::from_waker(Waker::noop())).is_pending());
    for _ in 0..100 {
        assert_eq!(denial(admission.decide(&asked("well")).await).0, DenialReason::NotWhitelisted);
    }
    // On one thread no call may run on: it would have kept the others from being made.
    let ended = loops.poll_next_unpin(&mut Context::from_waker(Waker::noop()));
    assert!(ended.is_pending(), "none of them has ended meanwhile");
    while let Some(decision) = loops.next().await {
        assert_eq!(denial(decision).0, DenialReason::TimeOut);
    }
    for (reference, reason, _) in FAILURES {
        assert_eq!(denial(admission.decide(&asked(reference)).await).0, reason);
        assert_eq!(denial(admission.decide(&asked("well")).await).0, DenialReason::NotWhitelisted);
    }
}

#[test]
fn an_evaluator_serves_many_threads_while_some_calls_fail() {
    let evaluator = evaluator();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let evaluator = &evaluator;
            scope.spawn(move || {
                for call in 0..200 {
                    if (call + thread) % 50 == 0 {
                        assert_eq!(denial(evaluator.decide_offline(&asked("trap"))).0, DenialReason::Trap);
                    } else {
                        assert_works(evaluator);
                    }
                }
            });
        }
    });
}

#[tokio::test]
async fn a_future_that_waits_for_an_instance_blocks_nobody() {
    let evaluator = evaluator();
    for _ in 0..20 {
        // The only instance is discarded, and another is created on demand.
        assert_eq!(denial(evaluator.decide(&asked("trap")).await).0, DenialReason::Trap);
        let request = asked("well");
        let mut decided = pin!(evaluator.decide(&request));
        assert!(decided.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(denial(decided.await).0, DenialReason::NotWhitelisted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_evaluator_serves_many_futures_while_some_calls_fail() {
    let evaluator = evaluator();
    let calls = (0..400).map(|call| {
        let evaluator = evaluator.clone();
        tokio::spawn(async move {
            let (reference, reason) =
                if call % 50 == 0 { ("trap", DenialReason::Trap) } else { ("well", DenialReason::NotWhitelisted) };
            assert_eq!(denial(evaluator.decide(&asked(reference)).await).0, reason);
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
}

/// A resolver with empty answers.
struct EmptyResolver;

impl Resolver for EmptyResolver {
    fn resolve<'a>(&'a self, question: &'a pullgate::DnsQuery) -> ResolveFuture<'a> {
        assert_eq!((question.kind, question.subject.as_str()), (LookupKind::Reverse, "10.0.0.1"));
        Box::pin(async { Ok(DnsResponse::default()) })
    }
}

#[tokio::test]
async fn a_module_that_never_stops_asking_is_stopped() {
    let dns = Some(Dns::new(EmptyResolver, DnsLimits::default()));
    let (evaluator, _) = guest().load("policy", 0, EvaluatorOptions { dns, ..options() }).unwrap();
    let (reason, text) = denial(evaluator.decide(&asked("x?")).await);
    assert_eq!((reason, text.as_str()), (DenialReason::TimeOut, "not decided after 4 rounds of DNS questions"));
}

#[test]
fn a_component_must_have_its_digest() {
    let mut other = GUEST.clone();
    other.push(0);
    let error = Module::from_component(&other, &digest(&GUEST)).unwrap_err();
    assert!(
        matches!(&error, ModuleError::Digest { expected, found }
        if *expected == digest(&GUEST) && *found == digest(&other)),
        "{error}"
    );
    assert!(Module::from_component(&GUEST, &digest(&GUEST).to_uppercase()).is_ok());
}

#[test]
fn invalid_components_are_rejected() {
    for bytes in [&b"\0asm\x01\0\0\0"[..], b"\0asm\x0d\0\x01\0", b"nothing", b""] {
        let error = Module::from_component(bytes, &digest(bytes)).unwrap_err();
        assert!(matches!(error, ModuleError::InvalidComponent(_)), "{error}");
    }
}
