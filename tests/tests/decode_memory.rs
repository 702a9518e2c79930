//! What decoding takes of memory: less than eight times the frame and 64 KiB, whatever the bytes are. An allocator counts.
//!
//! One test alone in its process: what is counted is all the process holds.

#[path = "properties/family.rs"]
mod family;
#[path = "properties/shipped.rs"]
mod shipped;

use std::collections::{BTreeMap, VecDeque};

use family::{Any, Visit};
use fastrand::Rng;
use p2p_net::message::Message;
use p2p_net::testing::{decode, encode};
use peak_alloc::PeakAlloc;

/// It counts the old and the new room of a list that grows, both.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The promise, in bytes.
const fn allowed(frame: usize) -> usize {
    8 * frame + (64 << 10)
}

/// The frames tried, in bytes.
const FRAMES: [usize; 9] = [0, 1, 9, 100, 1000, 9000, 40_000, 120_000, 400_000];

/// Numbers as the encoding writes them: what a list claims to hold.
fn claim(number: usize) -> Vec<u8> {
    match u16::try_from(number) {
        Ok(small @ ..251) => vec![small as u8],
        Ok(middle) => [&[251], &middle.to_le_bytes()[..]].concat(),
        Err(_) => [&[252], &(number as u32).to_le_bytes()[..]].concat(),
    }
}

/// Bytes of every kind that a stranger might send, `len` of them.
fn hostile(rng: &mut Rng, len: usize) -> Vec<Vec<u8>> {
    let noise = |rng: &mut Rng, most| (0..len).map(|_| rng.u8(..=most)).collect::<Vec<u8>>();
    let mut all = vec![noise(rng, 255), noise(rng, 3), noise(rng, 1), vec![0; len], vec![1; len], vec![2; len]];
    // The same small unit again and again: lists of a few things each.
    for _ in 0..6 {
        let unit: Vec<u8> = (0..rng.usize(1..6)).map(|_| rng.u8(..4)).collect();
        all.push(unit.repeat(len / unit.len() + 1));
    }
    // Claims within claims, of all there is, of a part, or of more.
    for claimed in [len, len / 2, len / 16, len + 1, usize::MAX >> 33] {
        for times in [1, 2, 3, 30] {
            for fill in [0, 1] {
                let lead: Vec<u8> = (0..rng.usize(..3)).map(|_| rng.u8(..2)).collect();
                all.push([lead, claim(claimed).repeat(times), vec![fill; len]].concat());
            }
        }
        all.push(claim(claimed).repeat(len));
        // One list of many of these.
        let unit: Vec<u8> = (0..rng.usize(1..6)).map(|_| rng.u8(..3)).collect();
        all.push([claim(claimed), unit.repeat(len)].concat());
        // Distinct keys, with something small beside each.
        let entries: Vec<u8> = (0..len).flat_map(|n| [claim(n % 60_000), vec![0]].concat()).take(len).collect();
        all.push([claim(claimed / 4), entries].concat());
    }
    all.iter_mut().for_each(|bytes| bytes.truncate(len));
    all
}

/// Decodes whatever it is given, and keeps the most that a decode took of what it may.
struct Meter {
    rng: Rng,
    decoded: usize,
    most: f64,
}

impl Meter {
    fn decode<M: Message>(&mut self, bytes: &[u8]) {
        HEAP.reset_peak_usage();
        let before = HEAP.current_usage();
        let decoded = decode::<M>(bytes);
        let (took, may) = (HEAP.peak_usage() - before, allowed(bytes.len()));
        let head = &bytes[..bytes.len().min(40)];
        assert!(took < may, "{}: {took} of {may} bytes, {} times {head:?}", M::NAME, bytes.len());
        self.decoded += usize::from(decoded.is_ok());
        self.most = self.most.max(took as f64 / may as f64);
    }
}

impl Visit for Meter {
    fn message<M: Message + Any>(&mut self) {
        for len in FRAMES {
            for bytes in hostile(&mut self.rng, len) {
                self.decode::<M>(&bytes);
            }
        }
        // As they are sent, of a thousand elements and more; if a peer decodes them.
        for (elements, small) in [(1000, true), (1000, false), (9000, true), (60_000, true), (60_000, false)] {
            if let Ok(bytes) = encode(&family::of_many::<M>(&mut self.rng, elements, small)) {
                self.decode::<M>(&bytes);
            }
        }
        for _ in 0..30 {
            let mut bytes = encode(&M::any(&mut self.rng)).unwrap();
            self.decode::<M>(&bytes);
            // A value as it may be, with a claim of much in some place.
            let at = self.rng.usize(..=bytes.len());
            bytes.splice(at..at, claim(100_000));
            bytes.resize(bytes.len() + 100_000, self.rng.u8(..2));
            self.decode::<M>(&bytes);
        }
    }
}

/// Large values as an honest peer sends them.
fn honest(meter: &mut Meter) {
    #[derive(p2p_net::Message, serde::Serialize, serde::Deserialize)]
    #[message(max_bytes = 16 << 20, window = 32 << 20)]
    struct Plenty {
        numbers: Vec<u64>,
        queue: VecDeque<u32>,
        texts: Vec<String>,
        map: BTreeMap<u32, String>,
        bytes: p2p_net::Bytes,
    }
    for n in [0, 10, 1000, 3000] {
        let plenty = Plenty {
            numbers: (0..n * 20).map(|n| n << 20).collect(),
            queue: (0..n as u32).collect(),
            texts: (0..n).map(|n| format!("number {n}")).collect(),
            map: (0..n as u32).map(|n| (n, n.to_string())).collect(),
            bytes: vec![1; 100 * n as usize].into(),
        };
        let (bytes, decoded) = (encode(&plenty).unwrap(), meter.decoded);
        meter.decode::<Plenty>(&bytes);
        assert_eq!(meter.decoded, decoded + 1, "{n} of each");
    }
}

#[test]
fn a_decode_takes_less_than_eight_times_the_frame_and_64_kib() {
    let mut meter = Meter { rng: Rng::with_seed(1), decoded: 0, most: 0.0 };
    honest(&mut meter);
    family::every_message(&mut meter);
    shipped::every_message(&mut meter);
    println!("{} decoded; the most taken of what is allowed: {:.3}", meter.decoded, meter.most);
    assert!(meter.decoded > 500 && meter.most > 0.8, "{} decoded, at most {}", meter.decoded, meter.most);
}
