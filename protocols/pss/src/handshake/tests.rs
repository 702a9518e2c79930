use super::*;

const TOPIC: Topic = Topic([1, 2, 3, 4]);

fn id(number: u8) -> NodeId {
    NodeId::from_bytes([number; 32])
}

/// Two nodes that accept handshakes; the first has the lower id.
fn pair() -> (Sessions, Sessions) {
    let sessions = |own| {
        let mut sessions = Sessions::new(id(own), Rotation::default());
        sessions.accept(TOPIC);
        sessions
    };
    (sessions(1), sessions(2))
}

/// What `to` opens, if it can, of what `from` seals now.
fn passes(from: &mut Sessions, to: &mut Sessions, now: u64) -> bool {
    let Some((key, _)) = from.sending(to.own, TOPIC, now) else { return false };
    let opened = to.receiving(TOPIC, now).into_iter().find(|(_, _, theirs)| *theirs == key);
    if let Some((peer, agreed, _)) = &opened {
        assert_eq!(*peer, from.own);
        to.used(*peer, TOPIC, *agreed, now);
    }
    opened.is_some()
}

fn agree_on_keys(a: &mut Sessions, b: &mut Sessions, now: u64) {
    let offer = a.offer(b.own, TOPIC, now).unwrap();
    let answer = b.step(a.own, TOPIC, &offer, now).unwrap().expect("an offer is answered");
    assert_eq!(a.step(b.own, TOPIC, &answer, now), Ok(None));
}

#[test]
fn two_agree_on_two_keys_and_nobody_reads_its_own() {
    let (mut a, mut b) = pair();
    agree_on_keys(&mut a, &mut b, 0);
    assert!(passes(&mut a, &mut b, 1) && passes(&mut b, &mut a, 1));
    let (ours, _) = a.sending(b.own, TOPIC, 1).unwrap();
    assert!(a.receiving(TOPIC, 1).iter().all(|(_, _, theirs)| *theirs != ours), "each direction has its key");
    assert!(a.receiving(Topic([0; 4]), 1).is_empty());
}

#[test]
fn an_offer_that_comes_twice_gets_the_same_answer() {
    let (mut a, mut b) = pair();
    let offer = a.offer(b.own, TOPIC, 0).unwrap();
    let lost = b.step(a.own, TOPIC, &offer, 0).unwrap();
    assert_eq!(a.offer(b.own, TOPIC, 6).unwrap(), offer, "repeated as it was");
    let answer = b.step(a.own, TOPIC, &offer, 6).unwrap();
    assert_eq!(answer, lost);
    a.step(b.own, TOPIC, &answer.unwrap(), 6).unwrap();
    assert!(passes(&mut a, &mut b, 7) && passes(&mut b, &mut a, 7));
    assert_eq!(b.step(a.own, TOPIC, &offer, 8).unwrap(), lost, "and when it is in use");
}

#[test]
fn when_both_offer_at_once_both_end_with_the_same_keys() {
    for first in [true, false] {
        let (mut a, mut b) = pair();
        let (offer_a, offer_b) = (a.offer(b.own, TOPIC, 0).unwrap(), b.offer(a.own, TOPIC, 0).unwrap());
        let refuse = |a: &mut Sessions| assert_eq!(a.step(id(2), TOPIC, &offer_b, 0), Err(StepError::OursCounts));
        if first {
            refuse(&mut a);
        }
        let answer = b.step(a.own, TOPIC, &offer_a, 0).unwrap().unwrap();
        if !first {
            refuse(&mut a);
        }
        assert_eq!(a.step(b.own, TOPIC, &answer, 0), Ok(None));
        assert_eq!(a.agreed(b.own, TOPIC), b.agreed(a.own, TOPIC));
        assert!(passes(&mut b, &mut a, 1) && passes(&mut a, &mut b, 1));
    }
}

#[test]
fn keys_are_exchanged_after_so_many_messages_and_the_old_ones_are_accepted_for_a_while() {
    let (mut a, mut b) = pair();
    agree_on_keys(&mut a, &mut b, 0);
    let rotation = Rotation::default();
    for _ in 1..rotation.messages {
        assert!(!a.sending(b.own, TOPIC, 1).unwrap().1);
    }
    let (old, due) = a.sending(b.own, TOPIC, 1).unwrap();
    assert!(due, "after {} messages", rotation.messages);
    let offer = a.offer(b.own, TOPIC, 1).unwrap();
    assert!(!a.sending(b.own, TOPIC, 2).unwrap().1, "the offer is under way");
    assert!(a.sending(b.own, TOPIC, 6).unwrap().1, "it may be lost");
    let answer = b.step(a.own, TOPIC, &offer, 6).unwrap().unwrap();
    assert!(passes(&mut b, &mut a, 6), "b goes on with the old keys until a has the new ones");
    a.step(b.own, TOPIC, &answer, 7).unwrap();
    let knows = |b: &Sessions, now| b.receiving(TOPIC, now).iter().any(|(_, _, theirs)| *theirs == old);
    assert!(a.sending(b.own, TOPIC, 7).unwrap().0 != old && passes(&mut a, &mut b, 7));
    let grace = rotation.grace.as_secs();
    assert!(knows(&b, 7 + grace - 1) && !knows(&b, 7 + grace));
    assert!(passes(&mut b, &mut a, 8));
}

#[test]
fn keys_are_exchanged_after_a_time_and_expire_after_twice_that() {
    let (mut a, mut b) = pair();
    agree_on_keys(&mut a, &mut b, 0);
    let hour = Rotation::default().after.as_secs();
    assert!(!a.sending(b.own, TOPIC, hour - 1).unwrap().1);
    assert!(a.sending(b.own, TOPIC, hour).unwrap().1);
    assert!(passes(&mut a, &mut b, 2 * hour - 1));
    assert!(a.sending(b.own, TOPIC, 2 * hour).is_none() && b.receiving(TOPIC, 2 * hour).is_empty());
}

#[test]
fn what_was_not_asked_for_changes_nothing() {
    let (mut a, mut b) = pair();
    let other = Topic([9; 4]);
    let offer = a.offer(b.own, other, 0).unwrap();
    assert_eq!(b.step(a.own, other, &offer, 0), Err(StepError::NotAccepted(other)));
    let answer = Step::Answer { offer: [7; 32], ephemeral: [8; 32] };
    assert_eq!(a.step(b.own, TOPIC, &answer, 0), Err(StepError::NotOffered));
    assert_eq!(a.step(b.own, other, &answer, 0), Err(StepError::NotOffered), "it is another offer that waits");
    assert!(a.listens(other), "and it still does");
    let nothing = Step::Offer { ephemeral: [0; 32] };
    assert_eq!(b.step(a.own, TOPIC, &nothing, 0), Err(StepError::BadKey));
}

#[test]
fn sessions_are_bounded_and_those_that_are_over_make_room() {
    let mut a = Sessions::new(id(1), Rotation::default());
    let peer = |number: usize| NodeId::from_bytes(std::array::from_fn(|at| (number >> (8 * at.min(7))) as u8));
    for number in 0..MAX_SESSIONS {
        a.offer(peer(number), TOPIC, 0).unwrap();
    }
    assert_eq!(a.offer(peer(MAX_SESSIONS), TOPIC, 1), Err(StepError::TooMany));
    assert_eq!(a.len(), MAX_SESSIONS);
    a.offer(peer(MAX_SESSIONS), TOPIC, 100_000).unwrap();
    assert_eq!(a.len(), 1);
}
