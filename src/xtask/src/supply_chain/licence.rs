//! Licence expressions (SPDX 2.3, annex D), as crates have them.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

/// Returns whether an expression is satisfied by the allowed licences. `/` is an old way to write `OR`.
///
/// # Errors
///
/// If the text is no expression.
pub fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> Result<bool> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = ExpressionParser { words: &words, allowed };
    let is_allowed = parser.alternatives()?;
    match parser.words {
        [] => Ok(is_allowed),
        [word, ..] => bail!("`{expression}` goes on with `{word}`"),
    }
}

/// A parser that decides on its way. `AND` binds closer than `OR`.
struct ExpressionParser<'a> {
    words: &'a [&'a str],
    allowed: &'a BTreeSet<String>,
}

impl ExpressionParser<'_> {
    fn alternatives(&mut self) -> Result<bool> {
        let mut is_allowed = self.conjunction()?;
        while self.take("OR") {
            is_allowed |= self.conjunction()?;
        }
        Ok(is_allowed)
    }

    fn conjunction(&mut self) -> Result<bool> {
        let mut is_allowed = self.licence()?;
        while self.take("AND") {
            is_allowed &= self.licence()?;
        }
        Ok(is_allowed)
    }

    fn licence(&mut self) -> Result<bool> {
        if self.take("(") {
            let is_allowed = self.alternatives()?;
            if !self.take(")") {
                bail!("a parenthesis is not closed");
            }
            return Ok(is_allowed);
        }
        let [name, rest @ ..] = self.words else { bail!("a licence is missing") };
        if ["AND", "OR", "WITH", ")"].contains(name) {
            bail!("a licence is missing before `{name}`");
        }
        self.words = rest;
        let mut name = (*name).to_owned();
        if self.take("WITH") {
            let [exception, rest @ ..] = self.words else { bail!("an exception is missing") };
            name = format!("{name} WITH {exception}");
            self.words = rest;
        }
        Ok(self.allowed.contains(&name))
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.words.first() == Some(&word);
        if is_next {
            self.words = &self.words[1..];
        }
        is_next
    }
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
