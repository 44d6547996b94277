//! Advisories about the npm packages that become part of what is shipped, as `npm audit` has them of the registry.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use xshell::cmd;

use crate::shell::{root, shell};

/// The folders whose packages other than tools are shipped: the page is bundled with them.
const FOLDERS: [&str; 1] = ["www"];

/// The output of `npm audit --json`.
#[derive(Debug, PartialEq, Eq)]
enum AuditReport {
    /// The number of packages without advisories.
    Clean(u64),
    /// The packages with advisories, each with its severity.
    Affected(Vec<String>),
    /// The registry has no advisories to give, with its reason.
    Unanswered(String),
}

/// Looks up the advisories. Says so where the registry does not answer.
///
/// # Errors
///
/// If there is one.
pub fn run() -> Result<()> {
    for folder in FOLDERS {
        let sh = shell()?;
        sh.change_dir(root().join(folder));
        // It fails both for an advisory and for a registry that does not answer: its output says which.
        let audit = cmd!(sh, "npm audit --json --omit=dev --package-lock-only").quiet().ignore_status().ignore_stderr();
        match parse(&audit.read().context("cannot start `npm audit`")?)? {
            AuditReport::Clean(count) => println!("{count} npm packages of `{folder}` have no advisory"),
            AuditReport::Affected(packages) => {
                bail!("npm packages of `{folder}` have advisories: {}", packages.join(", "))
            }
            AuditReport::Unanswered(reason) => println!("advisories of npm packages: not looked up: {reason}"),
        }
    }
    Ok(())
}

fn parse(report: &str) -> Result<AuditReport> {
    let report: Value = serde_json::from_str(report).context("`npm audit` printed no JSON")?;
    let Some(packages) = report["vulnerabilities"].as_object() else {
        let reason = report["message"].as_str().or(report["error"]["summary"].as_str());
        return Ok(AuditReport::Unanswered(reason.unwrap_or("the registry gave no reason").to_owned()));
    };
    if packages.is_empty() {
        let count = report["metadata"]["dependencies"]["prod"].as_u64();
        return Ok(AuditReport::Clean(count.context("`npm audit` counted no packages")?));
    }
    let described = |(name, package): (&String, &Value)| {
        format!("{name} ({})", package["severity"].as_str().unwrap_or("of no severity"))
    };
    Ok(AuditReport::Affected(packages.iter().map(described).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_is_told_from_an_error() {
        let clean = r#"{"vulnerabilities": {}, "metadata": {"dependencies": {"prod": 24, "dev": 70}}}"#;
        assert_eq!(parse(clean).unwrap(), AuditReport::Clean(24));
        let affected = r#"{"vulnerabilities": {"lodash": {"severity": "high"}, "x": {}}, "metadata": {}}"#;
        let packages = ["lodash (high)", "x (of no severity)"].map(str::to_owned).to_vec();
        assert_eq!(parse(affected).unwrap(), AuditReport::Affected(packages));
        for (report, reason) in [
            (r#"{"message": "405 Method Not Allowed", "error": {"summary": ""}}"#, "405 Method Not Allowed"),
            (r#"{"error": {"code": "ENOTFOUND", "summary": "no network"}}"#, "no network"),
            ("{}", "the registry gave no reason"),
        ] {
            assert_eq!(parse(report).unwrap(), AuditReport::Unanswered(reason.to_owned()), "{report}");
        }
        assert!(parse("npm error").is_err() && parse(r#"{"vulnerabilities": {}}"#).is_err());
    }
}
