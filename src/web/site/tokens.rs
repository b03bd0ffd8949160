//! The tokens that signed calls came with, for as long as their signatures hold: with a token that was heard nobody says something else.
//!
//! Mailgun signs a moment and a token, and not what the call tells. So whoever reads a call on its way could send another
//! under the same signature. The same call once more is a provider that did not hear our answer, and is taken.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

/// How long a token is remembered: a signature may be five minutes early or late.
const KEPT: Duration = Duration::from_mins(10);

/// The most that are remembered.
const MAX: usize = 10_000;

/// What was heard lately.
#[derive(Default)]
pub struct Tokens(Mutex<VecDeque<Heard>>);

struct Heard {
    at: Instant,
    token: [u8; 32],
    call: [u8; 32],
}

impl Tokens {
    /// Remembers a call by its token; `false` where another call came with it before.
    pub(super) fn take(&self, token: &str, call: &[u8], now: Instant) -> bool {
        let (token, call) = (Sha256::digest(token).into(), Sha256::digest(call).into());
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while heard.len() >= MAX
            || heard.front().is_some_and(|first| now.duration_since(first.at) > KEPT)
        {
            heard.pop_front();
        }
        if let Some(known) = heard.iter().find(|known| known.token == token) {
            return known.call == call;
        }
        heard.push_back(Heard { at: now, token, call });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_of_one_call_for_as_long_as_its_signature_holds() {
        let (tokens, begun) = (Tokens::default(), Instant::now());
        assert!(tokens.take("a", b"anna bounced", begun));
        assert!(tokens.take("a", b"anna bounced", begun + KEPT), "told again");
        assert!(!tokens.take("a", b"bolat bounced", begun + KEPT), "not what was signed for");
        assert!(tokens.take("b", b"bolat bounced", begun + KEPT));
        let later = begun + KEPT + Duration::from_secs(1);
        assert!(tokens.take("a", b"bolat bounced", later), "by then the signature is stale");
    }

    #[test]
    fn a_flood_of_tokens_fills_no_memory() {
        let (tokens, now) = (Tokens::default(), Instant::now());
        for number in 0..MAX + 10 {
            assert!(tokens.take(&number.to_string(), b"", now));
        }
        assert_eq!(tokens.0.lock().expect("nobody panicked").len(), MAX);
    }
}
