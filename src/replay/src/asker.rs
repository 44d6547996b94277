//! The first users that asked for something, bounded.

use std::collections::HashSet;
use std::sync::Arc;

use crate::input::Place;

/// Maximum number of users that are kept for each distinct request, and for each registry of a report.
const MAX_ASKERS: usize = 8;

/// The names of users, each in memory once.
#[derive(Default)]
pub struct NameTable(HashSet<Arc<str>>);

impl NameTable {
    fn intern(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.0.insert(Arc::clone(&name));
        name
    }
}

/// The users with the first records, in the order of these records. Whatever the order in which lists are merged, the
/// result is the same: a user among the first of all is among the first of its part.
#[derive(Clone, Default)]
pub struct AskerList {
    askers: Vec<(Place, Arc<str>)>,
    is_truncated: bool,
}

impl AskerList {
    /// Adds the user of a record.
    pub fn add(&mut self, name: &str, place: Place, names: &mut NameTable) {
        if let Some((first, _)) = self.askers.iter_mut().find(|(_, known)| &**known == name) {
            *first = place.min(*first);
        } else if self.askers.len() == MAX_ASKERS && self.askers.iter().all(|(first, _)| *first < place) {
            self.is_truncated = true;
        } else {
            self.askers.push((place, names.intern(name)));
            self.truncate();
        }
    }

    /// Adds the users of another list.
    pub fn merge(&mut self, other: &Self) {
        for (place, name) in &other.askers {
            match self.askers.iter_mut().find(|(_, known)| known == name) {
                Some((first, _)) => *first = (*place).min(*first),
                None => self.askers.push((*place, Arc::clone(name))),
            }
        }
        self.is_truncated |= other.is_truncated;
        self.truncate();
    }

    fn truncate(&mut self) {
        self.askers.sort_by_key(|(place, _)| *place);
        if self.askers.len() > MAX_ASKERS {
            self.askers.truncate(MAX_ASKERS);
            self.is_truncated = true;
        }
    }

    /// Returns the names in order, and whether there are more.
    pub fn into_names(mut self) -> (Vec<String>, bool) {
        self.truncate();
        (self.askers.into_iter().map(|(_, name)| (*name).to_owned()).collect(), self.is_truncated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str], first_line: u64, table: &mut NameTable) -> AskerList {
        let mut askers = AskerList::default();
        for (name, line) in names.iter().zip(first_line..) {
            askers.add(name, Place { input: 0, line }, table);
        }
        askers
    }

    #[test]
    fn first_users_are_kept_in_any_order_of_merging() {
        let table = &mut NameTable::default();
        let names: Vec<String> = (0..12).map(|number| format!("user-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (early, late) = (list(&names[..6], 1, table), list(&names[2..], 100, table));
        for [mut first, second] in [[early.clone(), late.clone()], [late, early]] {
            first.merge(&second);
            let (shown, is_truncated) = first.into_names();
            assert_eq!(
                (shown.as_slice(), is_truncated),
                (names[..8].iter().map(ToString::to_string).collect::<Vec<_>>().as_slice(), true)
            );
        }
        assert_eq!(list(&["a", "b", "a"], 1, table).into_names(), (vec!["a".to_owned(), "b".to_owned()], false));
    }
}
