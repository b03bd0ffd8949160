//! Who comes: the address a request is from, and how often one of them may ask us to write to somebody.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::HeaderMap;

/// Where a request is from, as far as we believe it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visitor(pub(super) IpAddr);

/// How often a visitor may ask, and in what time.
const OFTEN: (u32, Duration) = (20, Duration::from_hours(1));

/// How many visitors are remembered; when there are more, those of the longest ago are forgotten.
const REMEMBERED: usize = 10_000;

/// How often each visitor asked lately.
#[derive(Default)]
pub(super) struct Visitors(Mutex<BTreeMap<IpAddr, (u32, Instant)>>);

impl Visitor {
    /// Tells where a request is from: its peer, or whom a proxy we trust names last in `X-Forwarded-For`.
    pub(super) fn of(peer: IpAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> Self {
        if !peer.to_canonical().is_loopback() && !proxies.contains(&peer.to_canonical()) {
            return Self(peer);
        }
        let named = headers.get_all("x-forwarded-for").iter().next_back();
        let named =
            named.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        Self(named.unwrap_or(peer))
    }
}

impl Visitors {
    /// Counts a visitor's asking, and tells whether that is not too often.
    pub(super) fn may(&self, visitor: IpAddr) -> bool {
        let mut visitors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if visitors.len() >= REMEMBERED {
            visitors.retain(|_, (_, since)| now.duration_since(*since) < OFTEN.1);
            // A flood from everywhere at once: the limit of all visitors together holds it, in the ledger.
            if visitors.len() >= REMEMBERED {
                visitors.clear();
            }
        }
        let (count, since) = visitors.entry(network(visitor)).or_insert((0, now));
        if now.duration_since(*since) >= OFTEN.1 {
            (*count, *since) = (0, now);
        }
        *count += 1;
        *count <= OFTEN.0
    }
}

/// What one visitor can choose freely counts as one: a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_visitor_asks_twenty_times_an_hour_and_a_network_is_one() {
        let visitors = Visitors::default();
        let v6 = |last| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last));
        let asked = (0..25).filter(|last| visitors.may(v6(*last))).count();
        assert_eq!(asked, 20);
        assert!(visitors.may(IpAddr::from([192, 0, 2, 1])));
    }

    #[test]
    fn only_a_proxy_of_ours_says_for_whom_it_comes() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "203.0.113.9, 198.51.100.7".parse().expect("a value"));
        let (near, far) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([192, 0, 2, 1]));
        let named = IpAddr::from([198, 51, 100, 7]);
        assert_eq!(Visitor::of(near, &headers, &[]).0, named);
        assert_eq!(Visitor::of(far, &headers, &[]).0, far);
        assert_eq!(Visitor::of(far, &headers, &[far]).0, named);
        assert_eq!(Visitor::of(near, &HeaderMap::new(), &[]).0, near);
    }
}
