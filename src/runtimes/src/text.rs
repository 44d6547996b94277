//! Texts of settings in messages.

/// Returns a text of a settings file without passwords and control characters, for a message.
pub(crate) fn shown(text: &str) -> String {
    pullgate::display::escape_for_terminal(&pullgate::redact_userinfo(text))
}
