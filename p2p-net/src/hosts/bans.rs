//! The penalty ledger: points for misbehaviour, forgiven with time, and timed bans by key and by IP.
//!
//! Callers report violations that are proven, see
//! [`is_violation`](crate::disconnect::DisconnectReason::is_violation); slow or broken connections are none and never
//! come here. Pure: no clock, no file. Memory is bounded: of too many entries, those that end first are forgotten.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::network::of_owner;
use super::time::UnixTime;
use crate::identity::NodeId;
use crate::settings::Limits;

/// Most scores and most bans kept, each: an attacker with more keys and addresses than that is not stopped by a list.
const MAX_ENTRIES: usize = 4_096;

/// Who is held responsible; as text `key <node id>` or `ip <address>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Culprit {
    /// A node, wherever it is.
    Key(NodeId),
    /// An IPv4 address, or the /64 of an IPv6 address by its first one, whoever is behind it: as [`Culprit::ip`] makes it.
    Ip(IpAddr),
}

impl Culprit {
    /// The IP address, an IPv4-mapped one as IPv4, and for IPv6 the whole /64: whoever has one address of it has all.
    pub fn ip(ip: IpAddr) -> Self {
        Self::Ip(of_owner(ip))
    }
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => write!(f, "key {id}"),
            Self::Ip(ip @ IpAddr::V6(_)) if !ip.is_loopback() => write!(f, "ip {ip}/64"),
            Self::Ip(ip) => write!(f, "ip {ip}"),
        }
    }
}

/// A text that names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names nobody: write `key <node id>` or `ip <address>`")]
pub struct CulpritError(String);

impl FromStr for Culprit {
    type Err = CulpritError;

    fn from_str(text: &str) -> Result<Self, CulpritError> {
        let parse = || match text.split_once(' ')? {
            ("key", id) => id.parse().ok().map(Self::Key),
            ("ip", ip) => ip.strip_suffix("/64").unwrap_or(ip).parse().ok().map(Self::ip),
            _ => None,
        };
        parse().ok_or_else(|| CulpritError(text.to_owned()))
    }
}

impl Serialize for Culprit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Culprit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A ban, as listed and saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// Who is banned.
    pub who: Culprit,
    /// When it ends.
    pub until: UnixTime,
}

/// What a penalty led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The score is still below the threshold.
    Tolerated {
        /// The points now.
        score: u32,
    },
    /// The threshold is reached.
    Banned {
        /// When the ban ends.
        until: UnixTime,
    },
}

/// Scores and bans.
#[derive(Debug)]
pub struct Bans {
    threshold: u32,
    decay: Duration,
    ban_time: Duration,
    /// A score is kept as the moment (since 1970) at which it will be forgiven entirely.
    clean_at: BTreeMap<Culprit, Duration>,
    until: BTreeMap<Culprit, UnixTime>,
}

impl Bans {
    /// An empty ledger with the penalty bounds of `limits`.
    pub fn new(limits: &Limits) -> Self {
        Self {
            threshold: limits.penalty_threshold,
            decay: limits.penalty_decay.max(Duration::from_millis(1)),
            ban_time: limits.ban_time,
            clean_at: BTreeMap::new(),
            until: BTreeMap::new(),
        }
    }

    /// Adds points for a proven violation, and bans when they reach the threshold.
    pub fn penalize(&mut self, who: Culprit, points: u32, now: UnixTime) -> Verdict {
        let now_exact = Duration::from_secs(now.0);
        let before = self.clean_at.get(&who).map_or(now_exact, |clean_at| (*clean_at).max(now_exact));
        let clean_at = before.saturating_add(self.decay.saturating_mul(points));
        let score = (clean_at - now_exact).as_nanos().div_ceil(self.decay.as_nanos());
        let score = u32::try_from(score).unwrap_or(u32::MAX);
        if score < self.threshold {
            self.clean_at.insert(who, clean_at);
            forget_first(&mut self.clean_at, now_exact);
            return Verdict::Tolerated { score };
        }
        let until = now.after(self.ban_time).max(self.until.get(&who).copied().unwrap_or_default());
        self.ban(Ban { who, until }, now);
        Verdict::Banned { until }
    }

    /// Bans until a moment, whatever the score; for the operator, and for bans read from disk.
    pub fn ban(&mut self, ban: Ban, now: UnixTime) {
        self.clean_at.remove(&ban.who);
        self.until.insert(ban.who, ban.until);
        forget_first(&mut self.until, now);
    }

    /// When the ban of `who` ends, if there is one.
    pub fn banned_until(&self, who: &Culprit, now: UnixTime) -> Option<UnixTime> {
        self.until.get(who).copied().filter(|until| *until > now)
    }

    /// Ends a ban by hand and forgives the score; whether there was a ban.
    pub fn lift(&mut self, who: &Culprit, now: UnixTime) -> bool {
        self.clean_at.remove(who);
        self.until.remove(who).is_some_and(|until| until > now)
    }

    /// The bans in force.
    pub fn iter(&self, now: UnixTime) -> impl Iterator<Item = Ban> {
        let in_force = self.until.iter().filter(move |(_, until)| **until > now);
        in_force.map(|(who, until)| Ban { who: *who, until: *until })
    }
}

/// Keeps a list within its bound: drops what is over, and then what ends first.
fn forget_first<T: Ord + Copy>(ends: &mut BTreeMap<Culprit, T>, now: T) {
    if ends.len() <= MAX_ENTRIES {
        return;
    }
    ends.retain(|_, end| *end > now);
    if ends.len() > MAX_ENTRIES
        && let Some(first) = ends.iter().min_by_key(|(_, end)| **end).map(|(who, _)| *who)
    {
        ends.remove(&first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_700_000_000);

    fn later(seconds: u64) -> UnixTime {
        UnixTime(NOW.0 + seconds)
    }

    fn bans() -> Bans {
        Bans::new(&Limits::default())
    }

    fn who(n: u8) -> Culprit {
        Culprit::Key(NodeId::from_bytes([n; 32]))
    }

    #[test]
    fn points_add_up_to_a_ban() {
        let mut bans = bans();
        assert_eq!(bans.penalize(who(1), 60, NOW), Verdict::Tolerated { score: 60 });
        assert_eq!(bans.penalize(who(2), 60, NOW), Verdict::Tolerated { score: 60 }, "each has its own score");
        assert_eq!(bans.penalize(who(1), 40, NOW), Verdict::Banned { until: later(3_600) });
        assert_eq!(bans.banned_until(&who(1), NOW), Some(later(3_600)));
        assert_eq!(bans.banned_until(&who(2), NOW), None);
    }

    #[test]
    fn points_are_forgiven_with_time() {
        let mut bans = bans();
        bans.penalize(who(1), 60, NOW);
        assert_eq!(bans.penalize(who(1), 0, later(29)), Verdict::Tolerated { score: 60 });
        assert_eq!(bans.penalize(who(1), 0, later(30)), Verdict::Tolerated { score: 59 });
        assert_eq!(bans.penalize(who(1), 50, later(30 * 60)), Verdict::Tolerated { score: 50 });
    }

    #[test]
    fn a_ban_ends_by_itself_and_starts_afresh() {
        let mut bans = bans();
        bans.penalize(who(1), 100, NOW);
        assert!(bans.banned_until(&who(1), later(3_599)).is_some());
        assert_eq!(bans.banned_until(&who(1), later(3_600)), None);
        assert_eq!(bans.iter(later(3_600)).count(), 0);
        assert_eq!(bans.penalize(who(1), 1, later(3_600)), Verdict::Tolerated { score: 1 });
    }

    #[test]
    fn a_ban_is_listed_and_lifted_by_hand() {
        let mut bans = bans();
        bans.penalize(who(1), 100, NOW);
        assert_eq!(bans.iter(NOW).collect::<Vec<_>>(), [Ban { who: who(1), until: later(3_600) }]);
        assert!(bans.lift(&who(1), NOW));
        assert!(!bans.lift(&who(1), NOW), "there is none any more");
        assert_eq!(bans.penalize(who(1), 10, NOW), Verdict::Tolerated { score: 10 });
    }

    #[test]
    fn a_mapped_address_is_the_same_culprit() {
        let mapped = Culprit::ip("::ffff:10.1.2.3".parse().unwrap());
        assert_eq!(mapped, Culprit::ip([10, 1, 2, 3].into()));
        assert_eq!("ip ::ffff:10.1.2.3".parse(), Ok(mapped));
    }

    #[test]
    fn whoever_has_one_address_of_an_ipv6_64_has_all() {
        let one = Culprit::ip("2001:db8::1".parse().unwrap());
        assert_eq!(one, Culprit::ip("2001:db8::ffff:ffff:ffff:ffff".parse().unwrap()));
        assert_ne!(one, Culprit::ip("2001:db8:0:1::1".parse().unwrap()));
        assert_eq!(one.to_string(), "ip 2001:db8::/64");
        assert_eq!("ip 2001:db8::7".parse(), Ok(one));
        assert_eq!(Culprit::ip("::1".parse().unwrap()).to_string(), "ip ::1");
    }

    #[test]
    fn a_culprit_prints_and_parses() {
        for culprit in [who(7), Culprit::ip([10, 0, 0, 1].into()), Culprit::ip("2001:db8::1".parse().unwrap())] {
            assert_eq!(culprit.to_string().parse(), Ok(culprit));
        }
        let error = "nobody".parse::<Culprit>().unwrap_err().to_string();
        assert_eq!(error, "`nobody` names nobody: write `key <node id>` or `ip <address>`");
    }

    #[test]
    fn memory_is_bounded_under_an_attacker_with_many_addresses() {
        let mut bans = bans();
        let address = |n: u32| Culprit::ip(std::net::Ipv4Addr::from_bits(n).into());
        for n in 0..10_000 {
            bans.penalize(address(n), 100, later(u64::from(n)));
            bans.penalize(address(1 << 31 | n), 1, later(u64::from(n)));
        }
        assert!(bans.until.len() <= MAX_ENTRIES && bans.clean_at.len() <= MAX_ENTRIES);
        assert!(bans.banned_until(&address(9_999), later(9_999)).is_some(), "the latest is kept");
    }

    #[test]
    fn no_number_of_points_overflows() {
        let mut bans = bans();
        assert!(matches!(bans.penalize(who(1), u32::MAX, NOW), Verdict::Banned { .. }));
        assert!(matches!(bans.penalize(who(1), u32::MAX, UnixTime(u64::MAX / 2)), Verdict::Banned { .. }));
    }
}
