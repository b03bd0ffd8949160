//! The token that proves who we are for about an hour (XOAUTH2), and where the next one comes from.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::model::Secret;

/// How long a token is used for new connections. It lives for an hour, but whoever hands it out may have had it for a while.
const FRESH: Duration = Duration::from_mins(5);

type Ask = dyn Fn() -> Result<Secret, String> + Send + Sync;

/// The token in hand, shared by all connections to a relay, and how to ask for another.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    ask: Box<Ask>,
    held: Mutex<Option<Held>>,
}

struct Held {
    token: Secret,
    since: Instant,
}

impl Tokens {
    /// Takes a first token; `ask` gets another one, or says why there is none, and may take its time.
    ///
    /// # Errors
    ///
    /// Says for people why the first is no token.
    pub fn new(
        first: Secret,
        ask: impl Fn() -> Result<Secret, String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let held = Some(Held { token: checked(first)?, since: Instant::now() });
        Ok(Self(Arc::new(Inner { ask: Box::new(ask), held: Mutex::new(held) })))
    }

    /// Returns a token that was got a short while ago, or just now.
    pub(super) async fn token(&self) -> Result<Secret, String> {
        self.apart(|inner| inner.token(Instant::now())).await
    }

    /// Returns another token than the one a relay refused; `None` where there is no other.
    pub(super) async fn instead_of(&self, refused: &Secret) -> Result<Option<Secret>, String> {
        let refused = refused.clone();
        self.apart(move |inner| inner.instead_of(&refused)).await
    }

    /// Lets go of the token in hand, so that the next connection asks for a new one.
    pub(super) fn forget(&self) {
        if let Ok(mut held) = self.0.held.try_lock() {
            *held = None;
        }
    }

    /// Asks on a thread of its own: a command takes a while, and one that hangs holds up no end of the program.
    async fn apart<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Inner) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let (inner, (told, answer)) = (Arc::clone(&self.0), oneshot::channel());
        std::thread::spawn(move || told.send(ask(&inner)).ok());
        answer.await.unwrap_or_else(|_| Err("asking for it broke off".to_owned()))
    }
}

impl Inner {
    fn token(&self, now: Instant) -> Result<Secret, String> {
        // Held while asking, so that connections that open together ask once.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match &*held {
            Some(Held { token, since }) if now.saturating_duration_since(*since) < FRESH => {
                Ok(token.clone())
            }
            _ => {
                *held = None;
                let token = checked((self.ask)()?)?;
                *held = Some(Held { token: token.clone(), since: now });
                Ok(token)
            }
        }
    }

    fn instead_of(&self, refused: &Secret) -> Result<Option<Secret>, String> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // Another connection may have been refused with it before, and have asked.
        held.take_if(|held| held.token == *refused);
        drop(held);
        self.token(Instant::now()).map(|token| Some(token).filter(|token| token != refused))
    }
}

/// Refuses what is no token (RFC 6750 section 2.1), such as JSON, or the word `Bearer` before it.
fn checked(token: Secret) -> Result<Secret, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.expose().bytes().all(fits) {
        return Ok(token);
    }
    Err("what stands for the token has a sign in it that no token has: it is one word of letters, digits and `-._~+/=`, without `Bearer` or quotes".to_owned())
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Begins with `t0` and counts on: `t1`, `t2` ..., up to `last`, which then stays.
    fn counting(last: usize) -> Tokens {
        let asked = AtomicUsize::new(0);
        let ask = move || {
            let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
            Ok(Secret::new(format!("t{}", number.min(last))))
        };
        Tokens::new(Secret::new("t0"), ask).expect("it is a token")
    }

    #[test]
    fn a_token_serves_for_five_minutes_and_then_another_is_asked_for() {
        let (tokens, start) = (counting(9), Instant::now());
        for (minutes, token) in [(0, "t0"), (4, "t0"), (6, "t1"), (10, "t1"), (12, "t2")] {
            let said = tokens.0.token(start + Duration::from_mins(minutes)).expect("there is one");
            assert_eq!(said.expose(), token, "after {minutes} minutes");
        }
    }

    #[tokio::test]
    async fn a_refused_token_is_asked_for_once_by_however_many_connections() {
        let (tokens, first) = (counting(9), Secret::new("t0"));
        for connection in 0..3 {
            let other = tokens.instead_of(&first).await.expect("there is one");
            assert_eq!(other, Some(Secret::new("t1")), "{connection}");
        }
        let same = counting(0);
        assert_eq!(same.instead_of(&first).await, Ok(None), "there is no other");
        tokens.forget();
        assert_eq!(tokens.token().await, Ok(Secret::new("t2")));
    }

    #[test]
    fn what_is_no_token_is_told_and_not_shown() {
        for text in
            ["Bearer ya29.secret", "{\"access_token\":\"secret\"}", "secret\u{1}", "s\u{e9}cret"]
        {
            let error = Tokens::new(Secret::new(text), || Err(String::new())).expect_err(text);
            assert!(!error.contains("cret"), "{error}");
        }
    }
}
