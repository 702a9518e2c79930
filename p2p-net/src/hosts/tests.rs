use super::*;
use crate::folder::Folder;
use crate::settings::Limits;
use futures::FutureExt;
use std::task::Waker;
use std::time::Duration;

const OWN: NodeId = NodeId::from_bytes([0xff; 32]);

fn id(n: u8) -> NodeId {
    NodeId::from_bytes([n; 32])
}

fn at(n: u8) -> NodeUrl {
    format!("tls://10.{n}.0.1:9000").parse().unwrap()
}

fn with(settings: &Settings) -> (Hosts, Clock) {
    let clock = Clock::simulated();
    (Hosts::new(settings, OWN, clock.clone(), 7), clock)
}

fn hosts() -> Hosts {
    with(&Settings::default()).0
}

/// Lets simulated time pass.
fn pass(clock: &Clock, seconds: u64) {
    let mut sleep = clock.sleep(Duration::from_secs(seconds));
    assert!(Pin::new(&mut sleep).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(clock.advance(Duration::MAX));
}

#[test]
fn two_slots_never_dial_the_same_address() {
    let hosts = hosts();
    hosts.hear(&at(1), Source::Operator).unwrap();
    let first = hosts.pick().unwrap();
    assert!(hosts.pick().is_none() && hosts.pick_to_verify().is_none());
    drop(first);
    assert_eq!(hosts.pick().unwrap().url(), &at(1));
}

#[test]
fn a_slot_without_an_address_asks_for_more_and_is_told_when_there_is_one() {
    let hosts = hosts();
    let (wanted, changed) = (hosts.wait_wanted(), hosts.wait_changed());
    assert!(hosts.pick().is_none());
    assert_eq!(wanted.now_or_never(), Some(()));
    assert_eq!(hosts.wait_wanted().now_or_never(), None, "each wish is told once");
    hosts.hear(&at(1), Source::Operator).unwrap();
    assert_eq!(changed.now_or_never(), Some(()), "told although nobody polled yet");
    let changed = hosts.wait_changed();
    hosts.hear(&at(1), Source::Operator).unwrap();
    assert_eq!(changed.now_or_never(), None, "nothing new");
}

#[test]
fn a_peer_tells_addresses_at_its_rate_and_a_new_connection_brings_no_new_burst() {
    let (hosts, clock) = with(&Settings::default());
    let told = |n: u32| {
        let url = NodeUrl::at("tls", ([10, (n % 250) as u8, (n / 250) as u8, 1], 9000).into()).unwrap();
        hosts.hear(&url, Source::Peer(id(1)))
    };
    assert!((0..1_000).all(|n| told(n) != Err(NotStored::Rate)));
    assert_eq!(told(0), Err(NotStored::Rate));
    hosts.connected(id(1));
    hosts.disconnected(&id(1));
    assert_eq!(told(0), Err(NotStored::Rate));
    pass(&clock, 10);
    assert_eq!(told(0), Ok(Stored::Known));
    assert_eq!(told(0), Err(NotStored::Rate));
}

#[test]
fn who_is_banned_is_neither_stored_nor_picked_until_the_ban_ends() {
    let (hosts, clock) = with(&Settings::default());
    let ip = at(1).ip();
    hosts.reached(&at(1), id(1)).unwrap();
    assert!(matches!(hosts.penalize(id(1), ip, 99), Verdict::Tolerated { score: 99 }));
    let Verdict::Banned { until } = hosts.penalize(id(1), ip, 1) else { panic!("the threshold is reached") };
    assert_eq!(hosts.banned_until(Some(id(1)), None), Some(until));
    assert_eq!(hosts.banned_until(Some(id(2)), ip), Some(until), "a new key at the same address");
    assert_eq!(hosts.bans().len(), 2);
    assert!(hosts.pick().is_none() && hosts.known_good(9).is_empty());
    let neighbour = at(1).with_port(9001);
    assert_eq!(hosts.hear(&neighbour, Source::Operator), Err(NotStored::Banned));
    pass(&clock, 3_600);
    assert!(hosts.pick().is_some() && hosts.bans().is_empty());
}

#[test]
fn lifting_a_ban_wakes_the_slots() {
    let hosts = hosts();
    hosts.reached(&at(1), id(1)).unwrap();
    hosts.penalize(id(1), None, 100);
    let changed = hosts.wait_changed();
    assert!(hosts.pick().is_none() && hosts.lift(&Culprit::Key(id(1))));
    assert_eq!(changed.now_or_never(), Some(()));
    assert!(hosts.pick().is_some());
}

#[test]
fn this_machine_is_banned_only_by_setting() {
    let local: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
    let hosts = hosts();
    hosts.penalize(id(1), Some(local), 100);
    assert_eq!(hosts.banned_until(Some(id(2)), Some(local)), None);
    let limits = Limits { loopback_exempt: false, ..Limits::default() };
    let (strict, _) = with(&Settings { limits, ..Settings::default() });
    strict.penalize(id(1), Some(local), 100);
    assert!(strict.banned_until(Some(id(2)), Some(local)).is_some());
}

#[test]
fn book_and_bans_outlive_the_node() {
    let folder = Folder::temporary();
    let settings = Settings { data_dir: Some(folder.file("made")), ..Settings::default() };
    smol::block_on(async {
        let (before, _) = with(&settings);
        before.load().await.unwrap();
        before.hear(&at(1), Source::Peer(id(9))).unwrap();
        before.reached(&at(2), id(2)).unwrap();
        before.hear(&at(3), Source::Operator).unwrap();
        before.failed(&at(3));
        before.penalize(id(4), at(4).ip(), 100);
        before.save().await.unwrap();
        let (after, _) = with(&settings);
        after.load().await.unwrap();
        assert_eq!(after.list(), before.list());
        assert_eq!(after.bans(), before.bans());
        assert_eq!(after.known_good(9), [at(2).with_id(id(2))]);
    });
}

#[test]
fn a_smaller_book_keeps_what_was_reached() {
    let folder = Folder::temporary();
    let settings = Settings { data_dir: Some(folder.file("made")), ..Settings::default() };
    let limits = Limits { address_book_size: 16, ..Limits::default() };
    let smaller = Settings { limits, ..settings.clone() };
    smol::block_on(async {
        let (before, _) = with(&settings);
        assert!((0..100).all(|n| before.hear(&at(n), Source::Operator).is_ok()));
        assert!((100..110).all(|n| before.reached(&at(n), id(n)).is_ok()));
        before.save().await.unwrap();
        let (after, _) = with(&smaller);
        after.load().await.unwrap();
        assert_eq!((after.counts().reached, after.counts().heard), (10, 6));
    });
}

#[test]
fn without_a_folder_nothing_is_written() {
    smol::block_on(async {
        let hosts = hosts();
        hosts.hear(&at(1), Source::Operator).unwrap();
        hosts.save().await.unwrap();
        hosts.load().await.unwrap();
        assert_eq!(hosts.counts().heard, 1);
    });
}
