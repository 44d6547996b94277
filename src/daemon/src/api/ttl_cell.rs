//! What is made when it is asked for, and made again when it has become old.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// A value of a certain age at most.
pub struct TtlCell<T> {
    ttl: Duration,
    cached: Mutex<Option<(Instant, T)>>,
}

impl<T: Clone> TtlCell<T> {
    /// None yet.
    pub fn new(ttl: Duration) -> Self {
        Self { ttl, cached: Mutex::default() }
    }

    /// The value, made now if there is none that is young enough. Those who ask meanwhile wait for it.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub async fn get<E>(&self, make: impl AsyncFnOnce() -> Result<T, E>) -> Result<T, E> {
        let mut made = self.cached.lock().await;
        if let Some((since, value)) = &*made
            && since.elapsed() < self.ttl
        {
            return Ok(value.clone());
        }
        let value = make().await?;
        *made = Some((Instant::now(), value.clone()));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn value_is_computed_again_after_expiry_and_after_failure() {
        for (age, seen) in [(Duration::ZERO, [1, 2]), (Duration::from_secs(3_600), [1, 1])] {
            let kept = TtlCell::new(age);
            assert_eq!(kept.get(async || Err("not now")).await, Err::<u8, _>("not now"));
            let first = kept.get(async || Ok::<_, ()>(1)).await.unwrap();
            assert_eq!([first, kept.get(async || Ok::<_, ()>(2)).await.unwrap()], seen);
        }
    }
}
