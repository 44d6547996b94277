//! Texts of somebody else's, before people see them.

/// The controls of the Unicode bidirectional algorithm, and line and paragraph separators: what stands behind them may be
/// shown elsewhere than it stands.
pub fn reorders(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
