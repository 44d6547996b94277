//! Redaction of texts that the module has not read.

use pullgate::{EntryList, check_entry};

/// A text that the module has not seen, with any user information masked, as the module would.
pub(crate) fn redact_userinfo(text: &str) -> String {
    if text.contains('@') { check_entry(text, EntryList::Whitelist).text } else { text.to_owned() }
}
