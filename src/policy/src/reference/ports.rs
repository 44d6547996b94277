//! The ports that a reference stands for (rule M2).

use crate::finding::EntryList;
use crate::policy::entry_group::ANY_PORT;
use crate::reference::Reference;

/// The ports of a reference (rule M2), in the form that entries have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReferencePorts {
    verified: [u16; 2],
    insecure: [u16; 3],
}

impl ReferencePorts {
    pub fn from_reference(reference: &Reference<'_>) -> Self {
        match reference.port {
            Some(port) => ReferencePorts { verified: [port, ANY_PORT], insecure: [port, ANY_PORT, ANY_PORT] },
            None => ReferencePorts { verified: [443, ANY_PORT], insecure: [443, 80, ANY_PORT] },
        }
    }

    /// Returns the ports that entries of a list match; an insecure entry also matches plain HTTP.
    pub fn for_list(&self, list: EntryList) -> &[u16] {
        match list {
            EntryList::Insecure => &self.insecure,
            EntryList::Whitelist | EntryList::BuiltIn | EntryList::Blocked => &self.verified,
        }
    }
}
