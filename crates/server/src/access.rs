//! Who asks: challenges, sessions and the join token.
//!
//! A session's token carries its address and its end under a MAC of the operator's, so that nothing is kept and a restart
//! ends no session. A challenge is good once.

use crate::problem::{Answer, Problem};
use api::limits;
use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit as _, Mac as _};
use orders::SigningKey;
use orders::challenge::{Authorization, Challenge};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use units::{Address, Timestamp};

/// Most challenges waiting for one address: programs of one person may sign in at the same time.
const CHALLENGES_EACH: usize = 16;
/// Most addresses with a waiting challenge.
const CHALLENGED: usize = 100_000;
/// Address, end, MAC.
const TOKEN_BYTES: usize = 20 + 8 + 32;

/// What a token shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Somebody who signed in.
    Account(Address),
    /// Somebody who shows the join token alone.
    Guest,
    /// Anybody.
    Stranger,
}

impl Caller {
    /// The address of somebody who signed in.
    pub(crate) fn account(self) -> Answer<Address> {
        match self {
            Self::Account(address) => Ok(address),
            Self::Guest | Self::Stranger => {
                Err(Problem::unauthorized("sign in first: GET /challenge, then POST /v1/session"))
            }
        }
    }
}

/// Makes and checks what shows who somebody is.
pub(crate) struct Access {
    secret: [u8; 32],
    chain_id: u64,
    private: bool,
    join_token: Option<String>,
    pending: Mutex<BTreeMap<Address, Vec<Pending>>>,
}

#[derive(Clone, Debug)]
struct Pending {
    challenge: Challenge,
    until: Timestamp,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("private", &self.private).finish_non_exhaustive()
    }
}

impl Access {
    /// With what only the operator knows. A private exchange without a token of its own gets one made of its key.
    pub(crate) fn new(key: &SigningKey, chain_id: u64, private: bool, join_token: Option<String>) -> Self {
        let secret = mac(&key.to_bytes(), b"manyhands sessions");
        let made = || hex::encode(&mac(&key.to_bytes(), b"manyhands join token")[..16]);
        let join_token = join_token.or_else(|| private.then(made));
        Self { secret, chain_id, private, join_token, pending: Mutex::default() }
    }

    pub(crate) fn join_token(&self) -> Option<&str> {
        self.join_token.as_deref()
    }

    /// Checks a join token, where one is needed.
    pub(crate) fn check_join(&self, token: Option<&str>) -> Answer<()> {
        if !self.private {
            return Ok(());
        }
        match token {
            Some(token) if self.is_join_token(token) => Ok(()),
            Some(_) => Err(Problem::forbidden("wrong_join_token", "this is not the exchange's join token")),
            None => Err(Problem::forbidden(
                "join_token_missing",
                "this exchange is private: give the join token that it printed when it started (--join)",
            )),
        }
    }

    fn is_join_token(&self, token: &str) -> bool {
        // Compared by their MACs, so that the time taken tells nothing.
        let same = |own: &String| mac(&self.secret, own.as_bytes()) == mac(&self.secret, token.as_bytes());
        self.join_token.as_ref().is_some_and(same)
    }

    /// A challenge for an address to sign.
    pub(crate) fn challenge(&self, address: Address, now: Timestamp) -> Answer<Challenge> {
        let challenge = Challenge::gateway(self.chain_id, &random_text());
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.len() >= CHALLENGED {
            pending.retain(|_, list| list.iter().any(|waiting| waiting.until > now));
        }
        if pending.len() >= CHALLENGED {
            return Err(Problem::new(
                axum::http::StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                "too many sign-ins are under way; try again in a minute",
            ));
        }
        let list = pending.entry(address).or_default();
        list.retain(|waiting| waiting.until > now);
        if list.len() >= CHALLENGES_EACH {
            list.remove(0);
        }
        list.push(Pending { challenge: challenge.clone(), until: now.saturating_add(limits::CHALLENGE) });
        Ok(challenge)
    }

    /// Takes the answer to a challenge, which is used up.
    pub(crate) fn answered(&self, authorization: &str, now: Timestamp) -> Answer<Address> {
        let invalid = || Problem::forbidden("invalid_authorization", "invalid authorization");
        let answer: Authorization = authorization.parse().map_err(|_| invalid())?;
        let waiting = {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            let list = pending.get_mut(&answer.address).ok_or_else(invalid)?;
            let place = list.iter().position(|waiting| waiting.challenge.hash() == answer.hash).ok_or_else(invalid)?;
            let waiting = list.remove(place);
            if list.is_empty() {
                pending.remove(&answer.address);
            }
            waiting
        };
        if waiting.until <= now || !answer.answers(&waiting.challenge) {
            return Err(invalid());
        }
        Ok(answer.address)
    }

    /// A session's token for an address.
    pub(crate) fn token(&self, address: Address, now: Timestamp) -> (String, Timestamp) {
        let until = now.saturating_add(limits::SESSION);
        let mut bytes = Vec::with_capacity(TOKEN_BYTES);
        bytes.extend_from_slice(address.as_slice());
        bytes.extend_from_slice(&until.0.to_be_bytes());
        let seal = mac(&self.secret, &bytes);
        bytes.extend_from_slice(&seal);
        (hex::encode(bytes), until)
    }

    /// Whom a session's token is of.
    fn session(&self, token: &str, now: Timestamp) -> Option<Address> {
        let bytes: [u8; TOKEN_BYTES] = hex::decode(token).ok()?.try_into().ok()?;
        let (said, seal) = bytes.split_at(28);
        let mut check = Hmac::<Sha256>::new_from_slice(&self.secret).expect("a MAC takes a key of any length");
        check.update(said);
        check.verify_slice(seal).ok()?;
        let until = u64::from_be_bytes(said[20..].try_into().expect("eight bytes are left"));
        (until > now.0).then(|| Address::from_slice(&said[..20]))
    }

    /// Who sends a request, by its `authorization: Bearer …`.
    pub(crate) fn caller(&self, headers: &HeaderMap, now: Timestamp) -> Answer<Caller> {
        let Some(token) = bearer(headers) else { return Ok(Caller::Stranger) };
        if let Some(address) = self.session(token, now) {
            return Ok(Caller::Account(address));
        }
        if self.is_join_token(token) {
            return Ok(Caller::Guest);
        }
        Err(Problem::unauthorized("the session has ended or the token is not of this exchange: sign in again"))
    }

    /// Whether the caller may ask anything at all.
    pub(crate) fn admit(&self, caller: Caller) -> Answer<()> {
        match caller {
            Caller::Stranger if self.private => Err(Problem::unauthorized(
                "this exchange is private: sign in with its join token (POST /v1/session), or send it as a bearer token",
            )),
            Caller::Account(_) | Caller::Guest | Caller::Stranger => Ok(()),
        }
    }
}

/// The token of an `authorization: Bearer …` header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a MAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// 32 random characters.
pub(crate) fn random_text() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SigningKey {
        SigningKey::from_bytes(&[byte; 32]).unwrap()
    }

    fn headers(token: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap())])
    }

    #[test]
    fn a_session_is_its_accounts_until_it_ends() {
        let access = Access::new(&key(1), 7, false, None);
        let (token, until) = access.token(key(2).address(), Timestamp(5));
        let caller = access.caller(&headers(&token), Timestamp(6)).unwrap();
        assert_eq!(caller, Caller::Account(key(2).address()));
        assert!(access.caller(&headers(&token), until).is_err());
        let other = Access::new(&key(3), 7, false, None);
        assert!(other.caller(&headers(&token), Timestamp(6)).is_err());
        let mut doctored = token.into_bytes();
        doctored[0] = if doctored[0] == b'0' { b'1' } else { b'0' };
        assert!(access.caller(&headers(std::str::from_utf8(&doctored).unwrap()), Timestamp(6)).is_err());
    }

    #[test]
    fn a_challenge_is_good_once_and_for_its_address_only() {
        let access = Access::new(&key(1), 7, false, None);
        let now = Timestamp(5);
        let challenge = access.challenge(key(2).address(), now).unwrap();
        let stranger = challenge.answer(&key(3)).to_string();
        assert!(access.answered(&stranger, now).is_err());
        let answer = challenge.answer(&key(2)).to_string();
        assert_eq!(access.answered(&answer, now).unwrap(), key(2).address());
        assert!(access.answered(&answer, now).is_err());
        let late = access.challenge(key(2).address(), now).unwrap().answer(&key(2)).to_string();
        assert!(access.answered(&late, now.saturating_add(limits::CHALLENGE)).is_err());
    }

    #[test]
    fn the_join_token_is_asked_for_on_a_private_exchange_alone() {
        let open = Access::new(&key(1), 7, false, None);
        assert!(open.check_join(None).is_ok() && open.join_token().is_none());
        let private = Access::new(&key(1), 7, true, None);
        assert!(private.check_join(None).is_err() && private.check_join(Some("guess")).is_err());
        let token = private.join_token().unwrap().to_owned();
        assert!(private.check_join(Some(&token)).is_ok());
        assert_eq!(private.caller(&headers(&token), Timestamp(1)).unwrap(), Caller::Guest);
        assert!(private.admit(Caller::Stranger).is_err() && private.admit(Caller::Guest).is_ok());
    }
}
