use super::*;
use crate::hosts::entry::{FORGET_AFTER, KEEP_REACHED};
use crate::settings::Limits;
use std::net::Ipv4Addr;

const NOW: UnixTime = UnixTime(1_700_000_000);
const OWN: NodeId = NodeId::from_bytes([0xff; 32]);

fn id(n: u32) -> NodeId {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    NodeId::from_bytes(bytes)
}

fn url(text: &str) -> NodeUrl {
    text.parse().unwrap()
}

/// One address in a network of its own.
fn far(n: u32) -> NodeUrl {
    NodeUrl::at("tls", (Ipv4Addr::from_bits((11 << 24) + (n << 16) + 1), 9000).into()).unwrap()
}

/// Addresses in one network.
fn near(n: u32) -> NodeUrl {
    NodeUrl::at("tls", (Ipv4Addr::from_bits(10 << 24 | n & 0xffff), 9000).into()).unwrap()
}

fn rng() -> Rng {
    Rng::with_seed(7)
}

fn book_of(size: usize) -> Book {
    let limits = Limits { address_book_size: size, ..Limits::default() };
    Book::new(&Settings { limits, ..Settings::default() }, OWN)
}

fn book() -> Book {
    book_of(5_000)
}

fn anything(_: &NodeUrl, _: Option<NodeId>) -> bool {
    false
}

#[test]
fn a_heard_address_becomes_reached_and_keeps_the_id_that_was_proven() {
    let (mut book, mut rng) = (book(), rng());
    let told = far(1).with_id(id(66));
    assert_eq!(book.hear(&told, Source::Peer(id(9)), &mut rng), Ok(Stored::New));
    assert_eq!(book.hear(&far(1), Source::Peer(id(8)), &mut rng), Ok(Stored::Known));
    assert_eq!(book.pick(NOW, &mut rng, &anything), Some(far(1)), "an id that was only told is not demanded");
    assert_eq!(book.known_good(9, &mut rng, &anything), [], "hearsay is not passed on");
    assert_eq!(book.reached(&far(1), id(1), NOW, &mut rng), Ok(Stored::Known));
    assert_eq!(book.known_good(9, &mut rng, &anything), [far(1).with_id(id(1))]);
    assert_eq!(book.pick(NOW, &mut rng, &anything), Some(far(1).with_id(id(1))));
    assert_eq!(book.counts(), Counts { reached: 1, ..Counts::default() });
}

#[test]
fn what_is_our_own_or_cannot_be_reached_is_never_stored() {
    let (mut book, mut rng) = (book(), rng());
    book.hear(&far(1), Source::Operator, &mut rng).unwrap();
    book.add_own(&far(1));
    assert_eq!(book.iter().count(), 0, "it turned out to be ours");
    let mut refused = |text: &str| book.hear(&url(text), Source::Operator, &mut rng).unwrap_err();
    assert_eq!(refused(&far(1).to_string()), NotStored::Own);
    assert_eq!(refused(&far(2).with_id(OWN).to_string()), NotStored::Own);
    assert_eq!(refused("tcp://10.0.0.1:9000"), NotStored::Scheme);
    for text in ["tls://0.0.0.0:1", "tls://10.0.0.1:0", "tls://224.0.0.1:1", "tls://255.255.255.255:1", "tls://[::]:1"]
    {
        assert_eq!(refused(text), NotStored::Unusable);
    }
    assert_eq!(book.reached(&far(2), OWN, NOW, &mut rng), Err(NotStored::Own));
}

#[test]
fn one_source_fills_its_share_and_no_more() {
    let (mut book, mut rng) = (book(), rng());
    let flood = Source::Peer(id(66));
    let stored = (0..100_000).filter(|n| {
        let address = (Ipv4Addr::from_bits(0x0b00_0001 + ((n % 200) << 16) + n / 200), 9000);
        book.hear(&NodeUrl::at("tls", address.into()).unwrap(), flood, &mut rng).is_ok()
    });
    assert_eq!(stored.count(), 5_000 / SOURCE_SHARE);
    assert_eq!(book.hear(&near(1), flood, &mut rng), Err(NotStored::SourceShare));
    assert_eq!(book.hear(&near(1), Source::Peer(id(1)), &mut rng), Ok(Stored::New), "others are still heard");
    assert_eq!(book.hear(&near(2), Source::Operator, &mut rng), Ok(Stored::New));
}

#[test]
fn one_network_fills_its_share_and_no_more() {
    let (mut book, mut rng) = (book(), rng());
    let stored = (0..100_000).filter(|n| book.hear(&near(*n), Source::Peer(id(*n)), &mut rng) == Ok(Stored::New));
    assert_eq!(stored.count(), 5_000 / NETWORK_SHARE);
    assert_eq!(book.hear(&near(60_000), Source::Operator, &mut rng), Err(NotStored::NetworkShare));
    assert_eq!(book.hear(&far(1), Source::Peer(id(1)), &mut rng), Ok(Stored::New));
}

#[test]
fn what_was_reached_survives_a_flood_from_everywhere() {
    let (mut book, mut rng) = (book_of(500), rng());
    for n in 0..100 {
        book.reached(&far(n), id(n), NOW, &mut rng).unwrap();
        book.failed(&far(n), NOW);
    }
    for n in 0..100_000 {
        let address = NodeUrl::at("tls", (Ipv4Addr::from_bits(0x1000_0000 + n * 7_919), 9000).into()).unwrap();
        let _ = book.hear(&address, Source::Peer(id(n % 5_000)), &mut rng);
        assert!(book.entries.len() <= 500);
    }
    assert_eq!(book.counts(), Counts { heard: 400, reached: 100, failing: 100, connected: 0 });
}

#[test]
fn a_book_full_of_reached_places_gives_way_only_where_one_fails() {
    let (mut book, mut rng) = (book_of(16), rng());
    for n in 0..16 {
        book.reached(&far(n), id(n), NOW, &mut rng).unwrap();
    }
    assert_eq!(book.hear(&far(20), Source::Operator, &mut rng), Err(NotStored::Full));
    assert_eq!(book.reached(&far(20), id(20), NOW, &mut rng), Err(NotStored::Full));
    book.failed(&far(3), NOW);
    assert_eq!(book.hear(&far(20), Source::Operator, &mut rng), Err(NotStored::Full), "never reached for heard");
    assert_eq!(book.reached(&far(20), id(20), NOW, &mut rng), Ok(Stored::New));
    assert!(!book.forget(&far(3)) && book.forget(&far(20)));
}

#[test]
fn the_one_that_fails_most_goes_first() {
    let (mut book, mut rng) = (book_of(16), rng());
    for n in 0..16 {
        book.hear(&far(n), Source::Operator, &mut rng).unwrap();
    }
    for n in [4, 9, 9] {
        book.failed(&far(n), NOW);
    }
    book.hear(&far(20), Source::Operator, &mut rng).unwrap();
    assert!(!book.forget(&far(9)));
    book.hear(&far(21), Source::Operator, &mut rng).unwrap();
    book.hear(&far(22), Source::Operator, &mut rng).unwrap();
    assert!(!book.forget(&far(4)));
}

#[test]
fn waits_double_up_to_the_longest_and_are_honoured() {
    let (mut book, mut rng) = (book(), rng());
    book.hear(&far(1), Source::Operator, &mut rng).unwrap();
    let waits = (0..12).map(|_| match book.failed(&far(1), NOW) {
        Failed::Retry(failing) => failing.retry_at.since(NOW).as_secs(),
        other => panic!("{other:?}"),
    });
    assert_eq!(waits.collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    assert_eq!(book.pick(NOW.after(Duration::from_secs(299)), &mut rng, &anything), None);
    assert_eq!(book.next_retry(NOW), Some(NOW.after(Duration::from_secs(300))));
    assert_eq!(book.pick(NOW.after(Duration::from_secs(300)), &mut rng, &anything), Some(far(1)));
    let set_back = UnixTime(NOW.0 - 1_000_000);
    assert_eq!(book.pick(set_back, &mut rng, &anything), Some(far(1)), "a clock set back does not keep it waiting");
}

#[test]
fn a_heard_address_that_never_works_is_forgotten() {
    let (mut book, mut rng) = (book(), rng());
    book.hear(&far(1), Source::Operator, &mut rng).unwrap();
    book.reached(&far(2), id(2), NOW, &mut rng).unwrap();
    assert!((1..FORGET_AFTER).all(|_| matches!(book.failed(&far(1), NOW), Failed::Retry(_))));
    assert_eq!(book.failed(&far(1), NOW), Failed::Forgotten);
    assert_eq!(book.failed(&far(1), NOW), Failed::Unknown);
}

#[test]
fn a_reached_address_is_kept_for_a_week_of_failures() {
    let (mut book, mut rng) = (book(), rng());
    book.reached(&far(1), id(1), NOW, &mut rng).unwrap();
    assert!((0..100).all(|_| matches!(book.failed(&far(1), NOW), Failed::Retry(_))));
    assert_eq!(book.known_good(1, &mut rng, &anything), [], "but not passed on");
    let later = NOW.after(KEEP_REACHED);
    book.reached(&far(2), id(2), later, &mut rng).unwrap();
    assert_eq!(book.failed(&far(1), later), Failed::Forgotten);
}

#[test]
fn nothing_is_forgotten_while_nothing_can_be_reached() {
    let (mut book, mut rng) = (book(), rng());
    book.reached(&far(2), id(2), NOW, &mut rng).unwrap();
    book.hear(&far(1), Source::Operator, &mut rng).unwrap();
    let offline = UnixTime(NOW.0 + 1);
    assert!((0..100).all(|_| matches!(book.failed(&far(1), offline), Failed::Retry(_))));
    book.reached(&far(2), id(2), offline, &mut rng).unwrap();
    assert_eq!(book.failed(&far(1), offline), Failed::Forgotten);
}

#[test]
fn reaching_an_address_ends_its_failures() {
    let (mut book, mut rng) = (book(), rng());
    book.reached(&far(1), id(1), NOW, &mut rng).unwrap();
    book.failed(&far(1), NOW);
    assert_eq!(book.pick(NOW, &mut rng, &anything), None);
    book.reached(&far(1), id(1), NOW, &mut rng).unwrap();
    assert_eq!(book.pick(NOW, &mut rng, &anything), Some(far(1).with_id(id(1))));
}

#[test]
fn a_connected_node_is_not_picked_at_any_of_its_addresses() {
    let (mut book, mut rng) = (book(), rng());
    book.reached(&far(1), id(1), NOW, &mut rng).unwrap();
    book.reached(&far(2), id(1), NOW, &mut rng).unwrap();
    book.connected(id(1));
    book.connected(id(1));
    assert_eq!(book.pick(NOW, &mut rng, &anything), None);
    assert_eq!(book.counts().connected, 1);
    book.disconnected(&id(1));
    assert_eq!(book.pick(NOW, &mut rng, &anything), None, "one of two channels is still there");
    book.disconnected(&id(1));
    assert!(book.pick(NOW, &mut rng, &anything).is_some());
    book.disconnected(&id(1));
    assert_eq!(book.counts().connected, 0);
}

#[test]
fn reached_is_preferred_then_a_network_without_peers() {
    let (mut book, mut rng) = (book(), rng());
    book.reached(&near(1), id(1), NOW, &mut rng).unwrap();
    book.connected(id(1));
    book.reached(&near(2), id(2), NOW, &mut rng).unwrap();
    book.reached(&far(3), id(3), NOW, &mut rng).unwrap();
    book.hear(&far(4), Source::Operator, &mut rng).unwrap();
    let mut taken = Vec::new();
    while let Some(next) = book.pick(NOW, &mut rng, &|place, _| taken.contains(place)) {
        taken.push(next.without_id());
    }
    assert_eq!(taken, [far(3), near(2), far(4)]);
}

#[test]
fn picks_spread_over_equals_and_repeat_for_one_seed() {
    let (mut book, mut rng) = (book(), rng());
    for n in 0..10 {
        book.hear(&far(n), Source::Operator, &mut rng).unwrap();
    }
    let picks = |seed| {
        let mut rng = Rng::with_seed(seed);
        (0..200).map(|_| book.pick(NOW, &mut rng, &anything).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(picks(1).into_iter().collect::<BTreeSet<_>>().len(), 10);
    assert_eq!(picks(1), picks(1));
}

#[test]
fn what_is_verified_is_heard_or_stale() {
    let (mut book, mut rng) = (book(), rng());
    book.reached(&far(1), id(1), NOW, &mut rng).unwrap();
    assert_eq!(book.pick_to_verify(NOW, &mut rng, &anything), None);
    assert_eq!(book.pick_to_verify(NOW.after(STALE_AFTER), &mut rng, &anything), Some(far(1).with_id(id(1))));
    book.hear(&far(2), Source::Operator, &mut rng).unwrap();
    assert_eq!(book.pick_to_verify(NOW, &mut rng, &anything), Some(far(2)));
}

#[test]
fn this_machine_is_exempt_from_the_network_share() {
    let (mut book, mut rng) = (book_of(500), rng());
    for port in 1..=400 {
        let local = url(&format!("tls://127.0.0.1:{port}"));
        assert_eq!(book.hear(&local, Source::Operator, &mut rng), Ok(Stored::New));
    }
}

/// Whatever happens in whatever order: the bounds hold, and the counts by source and network are those of the entries.
#[test]
fn bounds_and_counts_hold_under_any_sequence() {
    let (mut book, mut rng) = (book_of(64), rng());
    for step in 0..20_000_u64 {
        let now = UnixTime(NOW.0 + step * 60);
        let target = if rng.bool() { far(rng.u32(..200)) } else { near(rng.u32(..200)) };
        match rng.u8(..6) {
            0 | 1 => {
                let _ = book.hear(&target, Source::Peer(id(rng.u32(..5))), &mut rng);
            }
            2 => {
                let _ = book.reached(&target, id(rng.u32(..300)), now, &mut rng);
            }
            3 => {
                let _ = book.pick(now, &mut rng, &anything).map(|picked| book.failed(&picked, now));
            }
            4 => {
                let _ = book.failed(&target, now);
            }
            _ => {
                let _ = book.forget(&target);
            }
        }
        let (mut per_source, mut per_network) = (BTreeMap::new(), BTreeMap::new());
        for entry in book.entries.values() {
            if let State::Heard { from } = entry.state {
                *per_source.entry(from).or_insert(0) += 1;
            }
            *per_network.entry(entry.network.clone().unwrap()).or_insert(0) += 1;
        }
        assert_eq!((&per_source, &per_network), (&book.per_source, &book.per_network), "step {step}");
        assert!(book.entries.len() <= 64);
        assert!(per_source.values().all(|n| *n <= 64 / SOURCE_SHARE));
        assert!(per_network.values().all(|n| *n <= 64 / NETWORK_SHARE));
    }
}

#[test]
fn dead_friends_and_rumours_take_turns() {
    let (mut book, mut rng) = (book(), rng());
    for n in 0..100 {
        book.reached(&far(n), id(n), NOW, &mut rng).unwrap();
        book.failed(&far(n), NOW);
        book.hear(&far(100 + n), Source::Operator, &mut rng).unwrap();
    }
    let later = UnixTime(NOW.0 + 3_600);
    let mut friends = 0;
    for _ in 0..100 {
        let picked = book.pick(later, &mut rng, &anything).unwrap();
        friends += usize::from(picked.id().is_some());
    }
    assert!((30..70).contains(&friends), "{friends} of 100");
    book.reached(&far(7), id(7), later, &mut rng).unwrap();
    assert_eq!(book.pick(later, &mut rng, &anything), Some(far(7).with_id(id(7))), "a living friend comes first");
}
