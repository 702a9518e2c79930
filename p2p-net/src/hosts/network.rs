//! Which network an address belongs to: the unit that costs an attacker something, as single addresses do not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::node_url::NodeUrl;

/// A range of addresses that one owner is likely to hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Network {
    /// The first address of the range.
    Ip(IpAddr),
    /// The registered domain: its owner makes names below it for nothing.
    Domain(String),
}

impl Network {
    /// The group an address counts for in the book, /16 or /32; `None` for one that is exempt.
    pub(super) fn in_book(url: &NodeUrl, loopback_exempt: bool) -> Option<Self> {
        if loopback_exempt && is_local(url) {
            return None;
        }
        match url.ip() {
            Some(ip) => Some(Self::masked(ip, 16, 32)),
            None => {
                let labels: Vec<&str> = url.host().trim_end_matches('.').rsplitn(3, '.').take(2).collect();
                Some(Self::Domain(labels.join(".")))
            }
        }
    }

    /// The group a connecting address counts for, /24 or /48.
    pub(super) fn of_inbound(ip: IpAddr) -> Self {
        Self::masked(ip, 24, 48)
    }

    fn masked(ip: IpAddr, v4_bits: u32, v6_bits: u32) -> Self {
        Self::Ip(match ip.to_canonical() {
            IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() & (u32::MAX << (32 - v4_bits))).into(),
            IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << (128 - v6_bits))).into(),
        })
    }
}

/// The address under which one owner is counted: an IPv4 address, or the first of an IPv6 /64, which is the least that a
/// provider gives a customer, with 2^64 addresses in it.
pub(super) fn of_owner(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) if !ip.is_loopback() => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64)).into(),
        ip => ip,
    }
}

/// Whether the address cannot leave this machine.
fn is_local(url: &NodeUrl) -> bool {
    url.scheme() == "memory" || url.host() == "localhost" || url.ip().is_some_and(is_loopback)
}

/// Whether an IP address cannot leave this machine, IPv4-mapped IPv6 included.
pub(super) fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// This machine.
    Machine,
    /// A private network.
    Private,
    /// Everybody.
    World,
}

/// How far `ip` reaches, IPv4-mapped IPv6 included.
pub(super) fn reach(ip: IpAddr) -> Reach {
    match ip.to_canonical() {
        ip if ip.is_loopback() || ip.is_unspecified() => Reach::Machine,
        IpAddr::V4(ip) if ip.is_private() || ip.is_link_local() => Reach::Private,
        IpAddr::V6(ip) if ip.is_unique_local() || ip.is_unicast_link_local() => Reach::Private,
        _ => Reach::World,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_ordered_by_how_far_they_reach() {
        let reach = |ip: &str| reach(ip.parse().unwrap());
        assert_eq!([reach("127.0.0.1"), reach("::1"), reach("::ffff:127.0.0.1")], [Reach::Machine; 3]);
        assert_eq!([reach("10.1.2.3"), reach("192.168.0.9"), reach("fd00::1")], [Reach::Private; 3]);
        assert_eq!([reach("8.8.8.8"), reach("2001:db8::1")], [Reach::World; 2]);
        assert!(Reach::Machine < Reach::Private && Reach::Private < Reach::World);
    }

    fn in_book(url: &str) -> Option<Network> {
        Network::in_book(&url.parse().unwrap(), true)
    }

    #[test]
    fn addresses_of_one_range_are_one_network() {
        assert_eq!(in_book("tls://10.1.2.3:1"), in_book("tls://10.1.255.4:2"));
        assert_ne!(in_book("tls://10.1.2.3:1"), in_book("tls://10.2.2.3:1"));
        assert_eq!(in_book("tls://[2001:db8:1::1]:1"), in_book("tls://[2001:db8:2::1]:1"));
        assert_ne!(in_book("tls://[2001:db8::1]:1"), in_book("tls://[2001:db9::1]:1"));
        assert_eq!(in_book("tls://a.example.org:1"), in_book("tls://b.c.example.org:1"));
        assert_ne!(in_book("tls://a.example.org:1"), in_book("tls://a.example.net:1"));
    }

    #[test]
    fn inbound_networks_are_narrower() {
        let of = |text: &str| Network::of_inbound(text.parse().unwrap());
        assert_eq!(of("10.1.2.3"), of("10.1.2.200"));
        assert_ne!(of("10.1.2.3"), of("10.1.3.3"));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("2001:db8:1::1"), of("2001:db8:2::1"));
    }

    #[test]
    fn a_mapped_address_is_its_ipv4_address() {
        assert_eq!(Network::of_inbound("::ffff:10.1.2.3".parse().unwrap()), Network::of_inbound([10, 1, 2, 9].into()));
        assert!(is_loopback("::ffff:127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn this_machine_is_exempt_only_by_setting() {
        for url in ["tls://127.0.0.1:1", "tls://[::1]:1", "tls://localhost:1", "memory://alice:1"] {
            assert_eq!(in_book(url), None, "{url}");
            assert!(Network::in_book(&url.parse().unwrap(), false).is_some());
        }
    }
}
