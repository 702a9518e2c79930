//! Two ends and a way between them that loses, doubles, delays and reorders, on a clock of their own.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::*;
use crate::clock::Clock;

const DATAGRAM: usize = 1024;
const PATIENCE: Duration = Duration::from_secs(60);

/// How bad the way is.
#[derive(Clone, Copy)]
struct Way {
    /// Datagrams of a thousand that are lost, and that come twice.
    lost: u32,
    doubled: u32,
    latency: Duration,
    /// What chance adds to the latency; so datagrams overtake each other.
    jitter: Duration,
}

const GOOD: Way = Way { lost: 0, doubled: 0, latency: Duration::from_millis(50), jitter: Duration::ZERO };
const BAD: Way = Way { lost: 20, doubled: 20, jitter: Duration::from_millis(30), ..GOOD };
const AWFUL: Way = Way { lost: 200, doubled: 50, jitter: Duration::from_millis(80), ..GOOD };

/// Both ends of a connection, and what is between them.
struct Net {
    rng: Rng,
    way: Way,
    now: Instant,
    start: Instant,
    ends: [Arq; 2],
    /// By arrival; to which end.
    flying: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    datagrams: u64,
}

impl Net {
    fn new(seed: u64, way: Way) -> Self {
        let now = Clock::simulated().now();
        let ends = [Arq::open(7, DATAGRAM, PATIENCE, now), Arq::accept(7, DATAGRAM, PATIENCE, now)];
        Self { rng: Rng::with_seed(seed), way, now, start: now, ends, flying: BTreeMap::new(), datagrams: 0 }
    }

    /// Sends what both ends have, and goes on to the next thing that happens, but not beyond `until`.
    fn step(&mut self, until: Instant) -> bool {
        // As whoever drives it does, before it asks what to send.
        self.ends.iter_mut().for_each(|end| end.on_time(self.now));
        for from in 0..2 {
            while let Some(datagram) = self.ends[from].transmit(self.now) {
                assert!(datagram.len() <= DATAGRAM, "{} bytes", datagram.len());
                self.datagrams += 1;
                let copies = if self.rng.u32(..1000) < self.way.doubled { 2 } else { 1 };
                for copy in 0..copies {
                    if self.rng.u32(..1000) < self.way.lost {
                        continue;
                    }
                    let jitter = self.way.jitter.mul_f64(self.rng.f64());
                    let at = self.now + self.way.latency + jitter;
                    self.flying.insert((at, self.datagrams * 2 + copy), (1 - from, datagram.clone()));
                }
            }
        }
        let arrival = self.flying.first_key_value().map(|((at, _), _)| *at);
        let next = self.ends.iter().filter_map(Arq::next_timeout).chain(arrival).min();
        let Some(next) = next.filter(|next| *next <= until) else {
            self.now = self.now.max(until);
            return false;
        };
        self.now = self.now.max(next);
        while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (to, datagram) = entry.remove();
            self.ends[to].on_segment(&Segment::parse(&datagram).unwrap(), self.now);
        }
        self.ends.iter_mut().for_each(|end| end.on_time(self.now));
        true
    }

    fn elapsed(&self) -> Duration {
        self.now - self.start
    }
}

fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut rng = Rng::with_seed(seed);
    (0..len).map(|_| rng.u8(..)).collect()
}

/// Carries `len` bytes each way, and says how long that took.
fn carry(seed: u64, way: Way, len: usize) -> (Duration, u64) {
    let mut net = Net::new(seed, way);
    let said = [bytes(seed, len), bytes(seed + 1, len)];
    let (mut written, mut read) = ([0; 2], [Vec::<u8>::new(), Vec::new()]);
    let limit = net.now + Duration::from_secs(3600);
    while !net.ends.iter().all(Arq::is_over) {
        for end in 0..2 {
            written[end] += net.ends[end].write(&said[end][written[end]..]);
            if written[end] == len {
                net.ends[end].finish();
            }
            let mut buffer = vec![0; net.rng.usize(1..9000)];
            let got = net.ends[end].read(&mut buffer);
            read[end].extend(&buffer[..got]);
            let whole = &said[1 - end];
            assert_eq!(read[end], whole[..read[end].len()], "what arrives is the beginning of what was sent");
        }
        assert!(net.step(limit), "nothing happens any more after {:?}", net.elapsed());
        assert!(net.ends.iter().all(|end| !matches!(end.broken(), Some(Broken::Silent(_) | Broken::Reset))));
    }
    for end in 0..2 {
        let mut rest = vec![0; BUFFER];
        let got = net.ends[end].read(&mut rest);
        read[end].extend(&rest[..got]);
        assert!(read[end] == said[1 - end], "all of it arrives");
    }
    (net.elapsed(), net.datagrams)
}

#[test]
fn tiny_segments_under_way_are_bounded_and_what_is_written_meanwhile_goes_together() {
    let now = Clock::simulated().now();
    let mut end = Arq::open(7, DATAGRAM, PATIENCE, now);
    let mut segments = 0;
    for _ in 0..3_000 {
        end.write(b"x");
        segments += usize::from(end.transmit(now).is_some());
    }
    assert_eq!(segments, 256);
    assert_eq!(end.sent.next_timeout().map(|at| at - now), Some(Duration::from_secs(1)), "the first is sent again");
}

#[test]
fn an_end_that_is_forgotten_when_all_but_the_end_was_heard_is_over_and_not_broken() {
    let now = Clock::simulated().now();
    let mut end = Arq::accept(7, DATAGRAM, PATIENCE, now);
    let said = |offset, payload, expected, flags| Segment {
        flags,
        number: 7,
        offset,
        expected,
        room: 1_000,
        ranges: Vec::new(),
        payload,
    };
    end.write(b"last");
    assert!(end.transmit(now).is_some());
    end.finish();
    end.on_segment(&said(0, b"", 4, Flags::FIN), now);
    assert!(Segment::parse(&end.transmit(now).unwrap()).unwrap().flags.contains(Flags::FIN), "under way");
    end.on_segment(&said(0, b"", 0, Flags::RESET), now);
    assert_eq!(end.broken(), Some(Broken::Abandoned));
}

#[test]
fn all_arrives_over_a_good_way_and_without_waste() {
    let (took, datagrams) = carry(1, GOOD, 200_000);
    assert!(took < Duration::from_millis(1500), "{took:?}");
    // 865 bytes a datagram: 232 each way, acknowledged by those the other way.
    assert!(datagrams < 1_000, "{datagrams}");
}

#[test]
fn all_arrives_whatever_is_lost_doubled_and_reordered() {
    for seed in 0..20 {
        for (name, way, most) in [("bad", BAD, 10), ("awful", AWFUL, 60)] {
            let (took, _) = carry(seed, way, 100_000);
            assert!(took < Duration::from_secs(most), "{name} {seed}: {took:?}");
        }
    }
}

#[test]
fn a_mebibyte_over_a_way_that_loses_two_in_a_hundred() {
    let (took, datagrams) = carry(3, BAD, 1 << 20);
    println!("{took:?}, {datagrams} datagrams");
    assert!(took < Duration::from_secs(60), "{took:?}");
}

#[test]
fn a_way_that_is_dead_ends_after_the_time_that_is_named() {
    let dead = Way { lost: 1000, ..GOOD };
    for written in [0, 1, 100_000] {
        let mut net = Net::new(5, dead);
        net.ends[0].write(&bytes(1, written));
        let far = net.now + Duration::from_secs(3600);
        while net.step(far) {}
        for end in &net.ends {
            assert_eq!(end.broken(), Some(Broken::Silent(PATIENCE)));
        }
        assert!(net.datagrams < 100, "{} datagrams into nowhere", net.datagrams);
    }
}

#[test]
fn a_way_that_dies_later_ends_both_and_what_came_is_a_beginning() {
    let mut net = Net::new(6, GOOD);
    let said = bytes(1, 200_000);
    net.ends[0].write(&said);
    net.step(net.now + Duration::from_millis(1));
    let soon = net.now + Duration::from_millis(250);
    while net.step(soon) {}
    let died = net.now;
    net.way.lost = 1000;
    let far = net.now + Duration::from_secs(3600);
    while net.step(far) {}
    for end in &net.ends {
        assert_eq!(end.broken(), Some(Broken::Silent(PATIENCE)));
    }
    assert!(died + PATIENCE * 2 > died);
    let mut got = vec![0; BUFFER];
    let len = net.ends[1].read(&mut got);
    assert!(len > 0 && len < said.len());
    assert_eq!(got[..len], said[..len]);
}

#[test]
fn a_way_that_heals_in_time_loses_nothing() {
    let mut net = Net::new(7, GOOD);
    let said = bytes(1, 50_000);
    net.ends[0].write(&said);
    net.ends[0].finish();
    net.way.lost = 1000;
    let later = net.now + PATIENCE / 2;
    while net.step(later) {}
    net.way.lost = 0;
    let far = net.now + PATIENCE / 2;
    while net.step(far) && !net.ends[1].is_finished() {}
    let mut got = vec![0; BUFFER];
    let len = net.ends[1].read(&mut got);
    assert_eq!(got[..len], said);
}

#[test]
fn who_does_not_read_holds_the_sender_up_and_is_not_gone() {
    let mut net = Net::new(8, BAD);
    let said = bytes(1, 3 * BUFFER);
    let mut written = net.ends[0].write(&said);
    let hour = net.now + Duration::from_secs(3600);
    while net.step(hour) {
        written += net.ends[0].write(&said[written..]);
    }
    assert_eq!(written, 2 * BUFFER, "one buffer at each end");
    assert!(net.ends.iter().all(|end| end.broken().is_none()));
    // Once it is read, the rest comes.
    let (mut got, far) = (Vec::<u8>::new(), net.now + Duration::from_secs(60));
    while got.len() < said.len() && net.step(far) {
        written += net.ends[0].write(&said[written..]);
        let mut buffer = vec![0; 5000];
        let len = net.ends[1].read(&mut buffer);
        got.extend(&buffer[..len]);
    }
    assert_eq!(got, said);
}

#[test]
fn news_of_room_is_told_at_once_and_asked_for_when_it_is_lost() {
    for (lost, soon) in [(false, Duration::from_millis(110)), (true, Duration::from_secs(2))] {
        let mut net = Net::new(9, GOOD);
        net.ends[0].write(&bytes(1, BUFFER));
        let later = net.now + Duration::from_secs(20);
        while net.step(later) {}
        assert_eq!(net.ends[0].write(&bytes(2, BUFFER)), BUFFER);
        let mut buffer = vec![0; BUFFER];
        let waited = net.now + Duration::from_secs(1);
        while net.step(waited) {}
        assert_eq!(net.ends[1].read(&mut buffer), BUFFER);
        net.way.lost = if lost { 1000 } else { 0 };
        let (read_at, moment) = (net.now, net.now + Duration::from_millis(1));
        while net.step(moment) {}
        net.way.lost = 0;
        while !net.ends[1].has_bytes() {
            assert!(net.step(read_at + soon), "nothing after {soon:?}, lost: {lost}");
        }
    }
}

#[test]
fn a_silent_connection_lives_and_costs_little() {
    let mut net = Net::new(9, BAD);
    net.ends[0].write(b"hello");
    let day = net.now + Duration::from_secs(24 * 3600);
    while net.step(day) {}
    assert!(net.ends.iter().all(|end| end.broken().is_none()));
    assert!(net.datagrams < 24 * 3600 / 3, "{}", net.datagrams);
}

#[test]
fn a_reset_ends_it_with_what_had_come() {
    let mut net = Net::new(10, GOOD);
    net.ends[0].write(b"hello");
    let soon = net.now + Duration::from_millis(60);
    while net.step(soon) {}
    net.ends[1].on_segment(&Segment::reset(7), net.now);
    let mut got = [0; 9];
    assert_eq!((net.ends[1].read(&mut got), net.ends[1].broken()), (5, Some(Broken::Reset)));
}

/// Segments of nobody's making: nothing panics, and memory stays bounded.
#[test]
fn random_segments_do_no_harm() {
    let mut rng = Rng::with_seed(11);
    for _ in 0..200 {
        let mut net = Net::new(rng.u64(..), AWFUL);
        net.ends[0].write(&bytes(1, rng.usize(..5000)));
        for _ in 0..300 {
            let payload = bytes(1, rng.usize(..900));
            let near = |rng: &mut Rng| if rng.bool() { rng.u64(..10_000) } else { rng.u64(..1 << 62) };
            let mut at = 0;
            let mut ranges = Vec::new();
            for _ in 0..rng.usize(..4) {
                let from = at + rng.u32(1..1000);
                at = from + rng.u32(1..1000);
                ranges.push((from, at));
            }
            let segment = Segment {
                flags: Flags::from_bits_truncate(rng.u8(..) & !4),
                number: 7,
                ranges,
                offset: near(&mut rng),
                expected: near(&mut rng),
                room: rng.u32(..),
                payload: &payload,
            };
            let now = net.now;
            net.ends[rng.usize(..2)].on_segment(&segment, now);
            let soon = net.now + Duration::from_millis(rng.u64(..100));
            net.step(soon);
        }
    }
}
