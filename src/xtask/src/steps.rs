//! Steps of a task: named, numbered and timed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// A step: its name and its work.
pub type Step = (&'static str, fn() -> Result<()>);

/// Takes the steps in order, and prints the time of each, and of all in the end.
///
/// # Errors
///
/// If a step fails. Those after it are not taken.
pub fn take(steps: &[Step]) -> Result<()> {
    let mut times = Vec::new();
    for (index, (name, work)) in steps.iter().enumerate() {
        println!("\n== {} of {}: {name}", index + 1, steps.len());
        let start = Instant::now();
        work().with_context(|| format!("the step `{name}` failed"))?;
        let time = start.elapsed();
        println!("== {name}: {}", seconds(time));
        times.push((name, time));
    }
    println!();
    for (name, time) in &times {
        println!("{:>9}  {name}", seconds(*time));
    }
    println!("{:>9}  all\n", seconds(times.iter().map(|(_, time)| *time).sum()));
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
