//! JSON lists of bounded length, so that a short text of many elements cannot become much memory.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

/// A list of at most `N` elements. A longer one is an error at its first element too many.
#[derive(Debug)]
pub struct BoundedList<T, const N: usize>(pub Vec<T>);

/// The first `N` elements of a list. The others are skipped without being kept.
#[derive(Debug)]
pub struct TruncatedList<T, const N: usize> {
    /// The elements that were kept.
    pub elements: Vec<T>,
    /// True if there were more.
    pub is_truncated: bool,
}

impl<T, const N: usize> Default for TruncatedList<T, N> {
    fn default() -> Self {
        Self { elements: Vec::new(), is_truncated: false }
    }
}

struct ListVisitor<L>(PhantomData<L>);

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for BoundedList<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor::<Self>(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for ListVisitor<BoundedList<T, N>> {
    type Value = BoundedList<T, N>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a list of at most {N} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while elements.len() < N {
            match sequence.next_element()? {
                Some(element) => elements.push(element),
                None => return Ok(BoundedList(elements)),
            }
        }
        match sequence.next_element::<IgnoredAny>()? {
            None => Ok(BoundedList(elements)),
            Some(_) => Err(A::Error::custom(format_args!("a list has more than {N} elements: send it in parts"))),
        }
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for TruncatedList<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor::<Self>(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for ListVisitor<TruncatedList<T, N>> {
    type Value = TruncatedList<T, N>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut list = TruncatedList::default();
        while list.elements.len() < N {
            match sequence.next_element()? {
                Some(element) => list.elements.push(element),
                None => return Ok(list),
            }
        }
        while sequence.next_element::<IgnoredAny>()?.is_some() {
            list.is_truncated = true;
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_end_at_their_bound() {
        let bounded = |text: &str| serde_json::from_str::<BoundedList<u8, 2>>(text).map(|list| list.0);
        assert_eq!((bounded("[]").unwrap(), bounded("[1,2]").unwrap()), (vec![], vec![1, 2]));
        let error = bounded("[1,2,3]").unwrap_err().to_string();
        assert!(error.starts_with("a list has more than 2 elements"), "{error}");
        assert!(bounded("{}").is_err() && bounded("[1,300]").is_err());

        let truncated = |text: &str| serde_json::from_str::<TruncatedList<u8, 2>>(text);
        let list = truncated(r#"[1,2,{"anything":[]}]"#).unwrap();
        assert_eq!((list.elements, list.is_truncated), (vec![1, 2], true));
        assert!(!truncated("[1,2]").unwrap().is_truncated);
        assert!(truncated("[1,2,]").is_err() && truncated("[1,2,3").is_err());
    }
}
