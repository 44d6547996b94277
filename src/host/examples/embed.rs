//! Decides about the images on the command line: `cargo run --release -p pullgate-host --example embed -- IMAGE...`

use pullgate::{Decision, Request};
use pullgate_host::{Dns, DnsLimits, EvaluatorOptions, Module, now};

const POLICY: &str = r#"{
  "whitelist": ["10.2.40.40:443", "*.example.com", "docker.io/library"],
  "insecure": ["10.2.2.0/24"]
}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let module = Module::built_in()?;
    println!("module {}", module.digest());

    // Without a resolver, what depends on DNS would be `Decision::Lookup`.
    let options = EvaluatorOptions { dns: Some(Dns::system(DnsLimits::default())?), ..EvaluatorOptions::default() };
    let (evaluator, findings) = module.load(POLICY, now(), options)?;
    for finding in findings {
        println!("policy: {}", finding.message);
    }

    for reference in std::env::args().skip(1) {
        match evaluator.decide(&Request { reference: &reference, ..Request::default() }).await {
            Decision::Allow(allowed) => println!("{reference}: allowed, {:?}", allowed.attempts),
            Decision::Deny(denied) => println!("{reference}: {}", denied.text),
            Decision::Lookup(questions) => println!("{reference}: not decided without {questions:?}"),
        }
    }
    Ok(())
}
