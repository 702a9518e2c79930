//! Who may connect: counters and token buckets for inbound connections, asked before any cryptography runs.
//!
//! The acceptor asks [`Gate::enter`] for each accepted socket and holds the [`Pass`] as long as the connection lives.
//! [`Admission`] below it is pure. Neither ever waits, nor remembers an address longer than its connections and its rate need.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::book::count_down;
use super::network::{Network, is_loopback, of_owner};
use crate::clock::Clock;
use crate::rate::Buckets;
use crate::settings::Limits;

/// Addresses whose rate is remembered: each for some seconds, so this is far above what an honest node sees.
const MAX_REMEMBERED: usize = 8_192;

/// Why a connection was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `pending_handshakes` is reached.
    #[error("too many handshakes at once")]
    Handshakes,
    /// `inbound_rate_per_ip` is used up.
    #[error("too many new connections from this address in a short time")]
    Rate,
    /// `inbound_per_ip` is reached.
    #[error("too many connections from this address")]
    Address,
    /// `inbound_per_network` is reached.
    #[error("too many connections from this network")]
    Network,
}

/// The counters, without a lock or a clock.
#[derive(Debug)]
pub struct Admission {
    pending_handshakes: usize,
    per_ip: usize,
    per_network: usize,
    loopback_exempt: bool,
    pending: usize,
    rates: Buckets<IpAddr>,
    ips: BTreeMap<IpAddr, usize>,
    networks: BTreeMap<Network, usize>,
}

impl Admission {
    /// Counters with the inbound bounds of `limits`.
    pub fn new(limits: &Limits) -> Self {
        Self {
            pending_handshakes: limits.pending_handshakes,
            per_ip: limits.inbound_per_ip,
            per_network: limits.inbound_per_network,
            loopback_exempt: limits.loopback_exempt,
            pending: 0,
            rates: Buckets::new(limits.inbound_rate_per_ip, MAX_REMEMBERED),
            ips: BTreeMap::new(),
            networks: BTreeMap::new(),
        }
    }

    /// Counts a new connection as pending; `None` for a transport without IP addresses.
    ///
    /// Each success needs one [`shaken`](Self::shaken) and, for an address, one [`leave`](Self::leave).
    ///
    /// # Errors
    ///
    /// The first bound that is reached; nothing is counted then, but the rate.
    pub fn enter(&mut self, ip: Option<IpAddr>, now: Instant) -> Result<(), Refusal> {
        let ip = self.counted(ip);
        // The rate comes first: whoever hammers a full node must not start afresh once it has room.
        if ip.is_some_and(|ip| !self.rates.take(&ip, now)) {
            return Err(Refusal::Rate);
        }
        self.take_place(ip)
    }

    /// As [`enter`](Self::enter) once room was made for one that met [`Refusal::Handshakes`]: its rate is counted already.
    ///
    /// # Errors
    ///
    /// The first bound that is reached.
    pub fn enter_again(&mut self, ip: Option<IpAddr>) -> Result<(), Refusal> {
        self.take_place(self.counted(ip))
    }

    /// The bound that room can be made for comes last: nobody gives way to one who would be refused all the same.
    fn take_place(&mut self, ip: Option<IpAddr>) -> Result<(), Refusal> {
        let network = ip.map(Network::of_inbound);
        if let (Some(ip), Some(network)) = (&ip, &network) {
            if self.ips.get(ip).is_some_and(|count| *count >= self.per_ip) {
                return Err(Refusal::Address);
            }
            if self.networks.get(network).is_some_and(|count| *count >= self.per_network) {
                return Err(Refusal::Network);
            }
        }
        if self.pending >= self.pending_handshakes {
            return Err(Refusal::Handshakes);
        }
        if let (Some(ip), Some(network)) = (ip, network) {
            *self.ips.entry(ip).or_default() += 1;
            *self.networks.entry(network).or_default() += 1;
        }
        self.pending += 1;
        Ok(())
    }

    /// A handshake ended, well or not.
    pub fn shaken(&mut self) {
        self.pending = self.pending.saturating_sub(1);
    }

    /// A connection is gone.
    pub fn leave(&mut self, ip: Option<IpAddr>) {
        if let Some(ip) = self.counted(ip) {
            count_down(&mut self.ips, &ip);
            count_down(&mut self.networks, &Network::of_inbound(ip));
        }
    }

    /// Handshakes that run now.
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// Inbound connections of addresses that are counted, handshakes included.
    pub fn connections(&self) -> usize {
        self.ips.values().sum()
    }

    /// The address under which a connection counts.
    fn counted(&self, ip: Option<IpAddr>) -> Option<IpAddr> {
        ip.map(of_owner).filter(|ip| !(self.loopback_exempt && is_loopback(*ip)))
    }
}

/// The door of a node; clones share the counters.
#[derive(Debug, Clone)]
pub struct Gate {
    admission: Arc<Mutex<Admission>>,
    clock: Clock,
}

impl Gate {
    /// A door with the inbound bounds of `limits`.
    pub fn new(limits: &Limits, clock: Clock) -> Self {
        Self { admission: Arc::new(Mutex::new(Admission::new(limits))), clock }
    }

    /// Lets a new connection in; `None` for a transport without IP addresses.
    ///
    /// # Errors
    ///
    /// The bound that is reached: close the socket without a byte.
    pub fn enter(&self, ip: Option<IpAddr>) -> Result<Pass, Refusal> {
        self.lock().enter(ip, self.clock.now())?;
        Ok(Pass { gate: self.clone(), ip, pending: true })
    }

    /// As [`enter`](Self::enter) once room was made for one that met [`Refusal::Handshakes`].
    ///
    /// # Errors
    ///
    /// The bound that is reached.
    pub fn enter_again(&self, ip: Option<IpAddr>) -> Result<Pass, Refusal> {
        self.lock().enter_again(ip)?;
        Ok(Pass { gate: self.clone(), ip, pending: true })
    }

    /// Handshakes that run now.
    pub fn pending(&self) -> usize {
        self.lock().pending()
    }

    fn lock(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one inbound connection: dropped with it.
#[derive(Debug)]
#[must_use = "a dropped pass frees the place at once"]
pub struct Pass {
    gate: Gate,
    ip: Option<IpAddr>,
    pending: bool,
}

impl Pass {
    /// The handshake is done: its slot is free for the next.
    pub fn established(&mut self) {
        if std::mem::take(&mut self.pending) {
            self.gate.lock().shaken();
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.established();
        self.gate.lock().leave(self.ip);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Rate;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    fn limits() -> Limits {
        Limits { inbound_rate_per_ip: Rate::new(1, Duration::from_secs(1), 1_000), ..Limits::default() }
    }

    fn gate(limits: &Limits) -> Gate {
        Gate::new(limits, Clock::simulated())
    }

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn established(gate: &Gate, ip: Option<IpAddr>) -> Result<Pass, Refusal> {
        let mut pass = gate.enter(ip)?;
        pass.established();
        Ok(pass)
    }

    #[test]
    fn room_is_made_only_for_one_that_gets_in_and_its_rate_counts_once() {
        let limits =
            Limits { pending_handshakes: 1, inbound_rate_per_ip: Rate::new(1, Duration::from_secs(60), 2), ..limits() };
        let gate = Gate::new(&limits, Clock::simulated());
        let (first, second) = (Some(Ipv4Addr::new(10, 0, 0, 1).into()), Some(Ipv4Addr::new(10, 0, 0, 2).into()));
        let oldest = gate.enter(first).unwrap();
        assert_eq!(gate.enter(second).unwrap_err(), Refusal::Handshakes);
        drop(oldest);
        let again = gate.enter_again(second).unwrap();
        drop(again);
        let _second_of_two = gate.enter(second).unwrap();
        assert_eq!(gate.enter(second).unwrap_err(), Refusal::Rate, "before anybody is asked to give way");
    }

    #[test]
    fn one_address_gets_its_share_and_no_more() {
        let gate = gate(&limits());
        let mut passes: Vec<_> = (0..8).map(|_| established(&gate, ip("10.0.0.1")).unwrap()).collect();
        assert_eq!(gate.enter(ip("10.0.0.1")).unwrap_err(), Refusal::Address);
        assert_eq!(gate.enter(ip("::ffff:10.0.0.1")).unwrap_err(), Refusal::Address, "mapped is the same address");
        assert!(gate.enter(ip("10.0.0.2")).is_ok());
        passes.pop();
        assert!(gate.enter(ip("10.0.0.1")).is_ok(), "one left, one may come");
    }

    #[test]
    fn all_addresses_of_one_ipv6_customer_count_as_one() {
        let gate = gate(&limits());
        let _passes: Vec<_> = (0..8).map(|n| established(&gate, ip(&format!("2001:db8::{n}:1"))).unwrap()).collect();
        assert_eq!(gate.enter(ip("2001:db8::ffff:0:0:9")).unwrap_err(), Refusal::Address);
        assert!(gate.enter(ip("2001:db8:0:1::1")).is_ok(), "the next /64");
    }

    #[test]
    fn one_network_gets_its_share_and_no_more() {
        for (same, other) in [("10.0.0", "10.0.1.1"), ("2001:db8:0:", "2001:db8:1::1")] {
            let gate = gate(&limits());
            let at = |n: u32| if same.starts_with("10") { format!("{same}.{n}") } else { format!("{same}{n}::1") };
            let passes: Vec<_> = (0..32).map(|n| established(&gate, ip(&at(n))).unwrap()).collect();
            assert_eq!(gate.enter(ip(&at(33))).unwrap_err(), Refusal::Network);
            assert!(gate.enter(ip(other)).is_ok());
            drop(passes);
            assert!(gate.enter(ip(&at(33))).is_ok());
        }
    }

    #[test]
    fn handshakes_are_bounded_and_their_slot_is_freed_when_done_or_dropped() {
        let gate = gate(&limits());
        let mut passes: Vec<_> = (0..64).map(|n| gate.enter(Some([10, n, 0, 1].into())).unwrap()).collect();
        assert_eq!(gate.enter(ip("10.200.0.1")).unwrap_err(), Refusal::Handshakes);
        assert_eq!(gate.enter(None).unwrap_err(), Refusal::Handshakes);
        passes[0].established();
        passes[0].established();
        assert_eq!(gate.pending(), 63);
        passes.pop();
        assert_eq!(gate.pending(), 62);
    }

    #[test]
    fn the_rate_of_an_address_is_checked_first_and_refills() {
        let (mut admission, now) = (Admission::new(&Limits::default()), Clock::simulated().now());
        let enter = |admission: &mut Admission, now| {
            admission.enter(ip("10.0.0.1"), now).map(|()| {
                admission.shaken();
                admission.leave(ip("10.0.0.1"));
            })
        };
        assert!((0..16).all(|_| enter(&mut admission, now).is_ok()));
        assert_eq!(enter(&mut admission, now), Err(Refusal::Rate));
        assert_eq!(enter(&mut admission, now + Duration::from_secs(1)), Ok(()));
        assert_eq!(enter(&mut admission, now + Duration::from_secs(1)), Err(Refusal::Rate));
    }

    #[test]
    fn this_machine_is_exempt_only_by_setting() {
        let open = gate(&limits());
        let passes: Vec<_> = (0..64).map(|_| established(&open, ip("::ffff:127.0.0.1")).unwrap()).collect();
        drop(passes);
        let strict = gate(&Limits { loopback_exempt: false, ..limits() });
        let _passes: Vec<_> = (0..8).map(|_| established(&strict, ip("127.0.0.1")).unwrap()).collect();
        assert_eq!(strict.enter(ip("127.0.0.1")).unwrap_err(), Refusal::Address);
    }

    #[test]
    fn memory_is_bounded_under_a_hundred_thousand_addresses() {
        let (mut admission, now) = (Admission::new(&Limits::default()), Clock::simulated().now());
        for n in 0..100_000 {
            let ip = Some(Ipv4Addr::from_bits(10 << 24 | n).into());
            if admission.enter(ip, now).is_ok() {
                admission.shaken();
                admission.leave(ip);
            }
        }
        assert!(admission.rates.len() <= MAX_REMEMBERED);
        assert!(admission.ips.is_empty() && admission.networks.is_empty());
        assert_eq!((admission.pending(), admission.connections()), (0, 0));
    }
}
