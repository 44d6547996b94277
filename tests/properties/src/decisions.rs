//! Decisions (rules M, W, T, J and D), held against the reference model.

use arbitrary::{Result, Unstructured};
use pullgate::{Decision, DnsAnswer, EntryList, Policy};
use pullgate_tests::reference_model::{Asked, Entry, Lists, World};
use pullgate_tests::universe::{self, known, world_answer};

use crate::generate;

/// A request needs the answers to at most this many rounds of queries: the names of an address, and their addresses.
const MAX_ROUNDS: usize = 3;

/// The index decides as the model does, an explanation says the same, and a stricter policy allows nothing more.
pub fn decide(data: &[u8]) {
    // Bytes that are used up give the first of every choice, so there is no error.
    let _ = check(&mut Unstructured::new(data));
}

fn check(bytes: &mut Unstructured<'_>) -> Result<()> {
    let (lists, asked) = (generate::lists(bytes)?, generate::asked(bytes)?);
    let world = generate::world(bytes, &asked.host)?;
    let Some(policy) = universe::load(&lists) else { return Ok(()) };
    let text = universe::reference(&asked);
    let (decision, dns_answers) = settle(&policy, &asked, &text, &world);
    let outcome = lists.decide(&asked, &world);
    if let Some(wrong) = universe::difference(&decision, &outcome, &asked) {
        let document = universe::document(&lists);
        panic!("{wrong}: {asked:?} with {dns_answers:?} by {document}\nrules: {decision:?}\nmodel: {outcome:?}");
    }
    let request = universe::request(&text, &asked, &dns_answers);
    let explained = policy.explain(&request);
    assert_eq!(explained.response.decision, decision, "the explanation decides otherwise");
    assert_eq!(explained.response, policy.answer(&request), "the explanation answers otherwise");

    let stricter = stricter(bytes, &lists)?;
    let Some(strict) = universe::load(&stricter) else { return Ok(()) };
    let (strict, _) = settle(&strict, &asked, &text, &world);
    let is_wider = matches!(decision, Decision::Deny(_)) && matches!(strict, Decision::Allow(_));
    assert!(!is_wider, "{asked:?} is denied by {lists:#?}\nand allowed by the stricter {stricter:#?}: {strict:?}");
    Ok(())
}

/// Decides with every answer of DNS that is asked for. Requires that each query is asked once, and in few rounds.
pub fn settle<'p>(policy: &'p Policy, asked: &Asked, text: &str, world: &World) -> (Decision<'p>, Vec<DnsAnswer>) {
    let mut dns_answers: Vec<DnsAnswer> = Vec::new();
    for _ in 0..=MAX_ROUNDS {
        match policy.decide(&universe::request(text, asked, &dns_answers)) {
            Decision::Lookup(queries) => {
                assert!(!queries.is_empty(), "{text} waits for nothing");
                for query in queries {
                    assert!(!known(&dns_answers, &query), "{text} asks again: {query:?}");
                    dns_answers.push(world_answer(world, query));
                }
            }
            decided => return (decided, dns_answers),
        }
    }
    panic!("{text} asks without end: {dns_answers:?}");
}

/// Returns the lists with one thing made stricter.
fn stricter(bytes: &mut Unstructured<'_>, lists: &Lists) -> Result<Lists> {
    let mut lists = lists.clone();
    let allows = |entry: &Entry| matches!(entry.list, EntryList::Whitelist | EntryList::Insecure);
    let allowing: Vec<usize> =
        lists.entries.iter().enumerate().filter(|(_, entry)| allows(entry)).map(|(index, _)| index).collect();
    match bytes.int_in_range(0..=3)? {
        0 | 1 if !allowing.is_empty() => {
            lists.entries.remove(*bytes.choose(&allowing)?);
        }
        2 if !lists.whitelists.contains(&None) => lists.whitelists.push(None),
        _ => {
            let text = generate::entry(bytes, EntryList::Blocked)?;
            lists.entries.push(Entry { list: EntryList::Blocked, project: None, text, enabled: true });
        }
    }
    Ok(lists)
}
