//! Nodes that this node could connect to, as its peers tell them: bounded in each bin, so that nobody can fill it with
//! nodes of one kind.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use p2p_net::NodeId;
use p2p_net::node_url::NodeUrl;

use crate::address::Address;
use crate::table::Place;

/// Nodes that are known in one bin, at most: more than a bin of the table takes, in case many of them are gone.
pub const KNOWN_IN_BIN: usize = 32;

/// How long a node that was not reached is left alone, at first; each time it is twice as long.
pub const FIRST_REST: Duration = Duration::from_secs(10);

/// After so many attempts a node is forgotten: some five minutes.
pub const ATTEMPTS: u32 = 5;

#[derive(Debug)]
struct Candidate {
    /// Kept, because it is asked for in every round.
    address: Address,
    url: NodeUrl,
    failures: u32,
    rests_until: Option<Instant>,
}

/// Nodes that this node could connect to.
#[derive(Debug)]
pub struct Known {
    own: Address,
    bins: BTreeMap<u32, BTreeMap<NodeId, Candidate>>,
}

impl Known {
    /// Nobody, as seen from `own`.
    pub fn new(own: Address) -> Self {
        Self { own, bins: BTreeMap::new() }
    }

    /// Notes a node, by a URL that names it; whether it is new. A full bin gives the place of one that was not reached.
    pub fn hear(&mut self, url: &NodeUrl) -> bool {
        let Some(id) = url.id() else { return false };
        let address = Address::of(&id);
        if address == self.own {
            return false;
        }
        let bin = self.bins.entry(self.own.proximity(&address)).or_default();
        if bin.contains_key(&id) {
            return false;
        }
        if bin.len() >= KNOWN_IN_BIN {
            let worst = bin.iter().max_by_key(|(_, candidate)| candidate.failures);
            let Some(worst) = worst.filter(|(_, worst)| worst.failures > 0).map(|(id, _)| *id) else { return false };
            bin.remove(&worst);
        }
        bin.insert(id, Candidate { address, url: url.clone(), failures: 0, rests_until: None });
        true
    }

    /// Those that may be tried now.
    pub fn ready(&self, now: Instant) -> impl Iterator<Item = Place> {
        let ready = move |candidate: &Candidate| candidate.rests_until.is_none_or(|until| until <= now);
        let all = self.bins.values().flatten().filter(move |(_, candidate)| ready(candidate));
        all.map(|(id, candidate)| Place { id: *id, address: candidate.address })
    }

    /// Where a node is.
    pub fn url(&self, id: &NodeId) -> Option<&NodeUrl> {
        let bin = self.bins.get(&self.own.proximity(&Address::of(id)))?;
        bin.get(id).map(|candidate| &candidate.url)
    }

    /// A node was reached, and stayed.
    pub fn reached(&mut self, id: &NodeId) {
        if let Some(bin) = self.bins.get_mut(&self.own.proximity(&Address::of(id)))
            && let Some(candidate) = bin.get_mut(id)
        {
            (candidate.failures, candidate.rests_until) = (0, None);
        }
    }

    /// A node is tried, which has failed until it is [`reached`](Self::reached).
    pub fn failed(&mut self, id: &NodeId, now: Instant) {
        let number = self.own.proximity(&Address::of(id));
        let Some(bin) = self.bins.get_mut(&number) else { return };
        let Some(candidate) = bin.get_mut(id) else { return };
        candidate.rests_until = Some(now + FIRST_REST * 2_u32.pow(candidate.failures));
        candidate.failures += 1;
        if candidate.failures >= ATTEMPTS {
            bin.remove(id);
        }
        if bin.is_empty() {
            self.bins.remove(&number);
        }
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.bins.values().map(BTreeMap::len).sum()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.bins.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_net::clock::Clock;

    fn url(number: u16) -> NodeUrl {
        let mut key = [0; 32];
        key[..2].copy_from_slice(&number.to_be_bytes());
        let place: NodeUrl = format!("memory://host{number}:1").parse().unwrap();
        place.with_id(NodeId::from_bytes(key))
    }

    #[test]
    fn bins_are_bounded_and_those_that_fail_make_room() {
        let (mut known, now) = (Known::new(Address::of(&url(0).id().unwrap())), Clock::simulated().now());
        assert!(!known.hear(&url(0)), "the node itself");
        for number in 1..1_000 {
            known.hear(&url(number));
        }
        assert!(known.bins.values().all(|bin| bin.len() <= KNOWN_IN_BIN));
        let full = known.bins[&0].keys().next().copied().unwrap();
        let other = (1_000..).map(url).find(|url| known.own.proximity(&Address::of(&url.id().unwrap())) == 0).unwrap();
        assert!(!known.hear(&other));
        known.failed(&full, now);
        assert!(known.hear(&other) && known.url(&full).is_none());
    }

    #[test]
    fn one_that_fails_rests_and_is_forgotten_at_last() {
        let (mut known, mut now) = (Known::new(Address::of(&url(0).id().unwrap())), Clock::simulated().now());
        let id = url(1).id().unwrap();
        known.hear(&url(1));
        let mut rest = FIRST_REST;
        for _ in 1..ATTEMPTS {
            assert_eq!(known.ready(now).count(), 1);
            known.failed(&id, now);
            assert_eq!(known.ready(now + rest - Duration::from_secs(1)).count(), 0);
            now += rest;
            rest *= 2;
        }
        known.failed(&id, now);
        assert!(known.is_empty());
    }
}
