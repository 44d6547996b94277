//! Steps of a task: named, numbered and timed.

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// A step: its name and its work.
pub type Step = (&'static str, fn() -> Result<()>);

/// The error of a step that this machine cannot run, with the reason. The task goes on without it, and says so in its
/// summary.
#[derive(Debug)]
pub struct NotRun(pub String);

impl fmt::Display for NotRun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for NotRun {}

/// Takes the steps in order, and prints the time of each, and of all in the end.
///
/// # Errors
///
/// If a step fails for another reason than [`NotRun`]. Those after it are not taken.
pub fn take(steps: &[Step]) -> Result<()> {
    let mut summary = StepSummary::default();
    for (index, (name, work)) in steps.iter().enumerate() {
        println!("\n== {} of {}: {name}", index + 1, steps.len());
        let start = Instant::now();
        match work() {
            Ok(()) => {
                let time = start.elapsed();
                println!("== {name}: {}", seconds(time));
                summary.times.push((name, time));
            }
            Err(error) if error.is::<NotRun>() => {
                println!("== {name}: not run: {error:#}");
                summary.not_run.push((name, error.to_string()));
            }
            Err(error) => return Err(error).with_context(|| format!("the step `{name}` failed")),
        }
    }
    print!("{summary}");
    Ok(())
}

/// The outcome of all steps.
#[derive(Default)]
struct StepSummary {
    times: Vec<(&'static str, Duration)>,
    /// Names and reasons of the steps that this machine cannot run.
    not_run: Vec<(&'static str, String)>,
}

impl fmt::Display for StepSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter)?;
        for (name, time) in &self.times {
            writeln!(formatter, "{:>9}  {name}", seconds(*time))?;
        }
        for (name, reason) in &self.not_run {
            writeln!(formatter, "{:>9}  {name}: {reason}", "not run")?;
        }
        writeln!(formatter, "{:>9}  all", seconds(self.times.iter().map(|(_, time)| *time).sum()))?;
        writeln!(formatter, "steps: {} done, {} not run\n", self.times.len(), self.not_run.len())
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn failure_ends_the_task_and_names_its_step() {
        const STEPS: &[Step] = &[("first", || bail!("broken")), ("second", || panic!("it is not taken"))];
        assert_eq!(format!("{:#}", take(STEPS).unwrap_err()), "the step `first` failed: broken");
    }

    #[test]
    fn step_without_its_program_is_counted_and_the_next_is_taken() {
        const STEPS: &[Step] =
            &[("first", || Err(NotRun("no Go".to_owned()).into())), ("second", || bail!("it is taken"))];
        assert_eq!(format!("{:#}", take(STEPS).unwrap_err()), "the step `second` failed: it is taken");
        let summary = StepSummary {
            times: vec![("second", Duration::from_millis(1_200))],
            not_run: vec![("first", "no Go".to_owned())],
        };
        let expected = "\n    1.2 s  second\n  not run  first: no Go\n    1.2 s  all\nsteps: 1 done, 1 not run\n\n";
        assert_eq!(summary.to_string(), expected);
    }
}
