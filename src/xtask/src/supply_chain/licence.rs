//! Licence expressions (SPDX 2.3, annex D), as crates have them.

use std::collections::BTreeSet;

use anyhow::Result;
use spdx::{Expression, ParseMode};

/// Returns whether an expression is satisfied by the allowed licences. `/` is an old way to write `OR`.
///
/// # Errors
///
/// If the text is no expression.
pub fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> Result<bool> {
    let mode = ParseMode { allow_slash_as_or_operator: true, ..ParseMode::STRICT };
    let expression = Expression::parse_mode(expression, mode)?;
    Ok(expression.evaluate(|requirement| allowed.contains(&requirement.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expression_is_satisfied_by_one_of_each_alternative() {
        let allowed = BTreeSet::from(["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned));
        for (expression, expected) in [
            ("MIT", true),
            ("GPL-3.0-only", false),
            ("MIT OR GPL-3.0-only", true),
            ("GPL-3.0-only/MIT", true),
            ("MIT AND GPL-3.0-only", false),
            ("ISC AND (GPL-3.0-only OR MIT)", true),
            ("(ISC OR MIT) AND GPL-3.0-only", false),
            ("GPL-3.0-only OR MIT AND ISC", true),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0", false),
        ] {
            assert_eq!(is_allowed(expression, &allowed).unwrap(), expected, "{expression}");
        }
        for expression in ["", "MIT OR", "AND MIT", "(MIT", "MIT)", "MIT ISC", "MIT WITH"] {
            assert!(is_allowed(expression, &allowed).is_err(), "{expression}");
        }
    }
}
