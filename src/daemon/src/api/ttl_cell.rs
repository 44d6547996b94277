//! What is made when it is asked for, and made again when it has become old.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// A value of a certain age at most.
pub struct Kept<T> {
    age: Duration,
    made: Mutex<Option<(Instant, T)>>,
}

impl<T: Clone> Kept<T> {
    /// None yet.
    pub fn new(age: Duration) -> Self {
        Self { age, made: Mutex::default() }
    }

    /// The value, made now if there is none that is young enough. Those who ask meanwhile wait for it.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub async fn get<E>(&self, make: impl AsyncFnOnce() -> Result<T, E>) -> Result<T, E> {
        let mut made = self.made.lock().await;
        if let Some((since, value)) = &*made
            && since.elapsed() < self.age
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
    async fn it_is_made_again_when_it_is_old_and_where_it_failed() {
        for (age, seen) in [(Duration::ZERO, [1, 2]), (Duration::from_secs(3_600), [1, 1])] {
            let kept = Kept::new(age);
            assert_eq!(kept.get(async || Err("not now")).await, Err::<u8, _>("not now"));
            let first = kept.get(async || Ok::<_, ()>(1)).await.unwrap();
            assert_eq!([first, kept.get(async || Ok::<_, ()>(2)).await.unwrap()], seen);
        }
    }
}
