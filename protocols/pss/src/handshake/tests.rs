use std::collections::VecDeque;

use fastrand::Rng;

use super::*;

const TOPIC: Topic = Topic([1, 2, 3, 4]);

fn id(number: u8) -> NodeId {
    NodeId::from_bytes([number; 32])
}

fn peer(number: usize) -> NodeId {
    NodeId::from_bytes(std::array::from_fn(|at| (number >> (8 * at.min(7))) as u8))
}

fn sessions(own: u8, rotation: Rotation) -> Sessions {
    let mut sessions = Sessions::new(id(own), rotation);
    sessions.accept(TOPIC);
    sessions
}

/// Two nodes that accept handshakes; the first has the lower id.
fn pair() -> (Sessions, Sessions) {
    (sessions(1, Rotation::default()), sessions(2, Rotation::default()))
}

/// Which of its keys `to` opens with what `from` sealed under `key`, and what it tells of newer ones.
fn opens(from: NodeId, to: &mut Sessions, key: &SymmetricKey, now: u64) -> Option<(Agreed, Option<Answer>)> {
    let (peer, agreed, _) = to.receiving(TOPIC, now).into_iter().find(|(_, _, theirs)| theirs == key)?;
    assert_eq!(peer, from);
    let newer = to.used(peer, TOPIC, agreed, now);
    Some((agreed, newer.map(|key| Answer::Under(key, Step::Confirm))))
}

/// What `to` sends in return for a step of `from`, which may be lost because of keys that `to` has not.
fn deliver(from: NodeId, to: &mut Sessions, step: &Answer, now: u64) -> Vec<Answer> {
    match step {
        Answer::Sealed(step) => to.step(from, TOPIC, step, None, now).ok().flatten().into_iter().collect(),
        Answer::Under(key, step) => {
            let Some((agreed, newer)) = opens(from, to, key, now) else { return Vec::new() };
            let answer = to.step(from, TOPIC, step, Some(agreed), now).unwrap();
            answer.into_iter().chain(newer).collect()
        }
    }
}

/// Whether `to` opens what `from` seals now; what it would say of newer keys is lost.
fn passes(from: &mut Sessions, to: &mut Sessions, now: u64) -> bool {
    let sent = from.sending(to.own, TOPIC, now);
    sent.is_some_and(|sent| opens(from.own, to, &sent.key, now).is_some())
}

/// A handshake of which nothing is lost.
fn agree_on_keys(a: &mut Sessions, b: &mut Sessions, now: u64) {
    let mut steps = vec![Answer::Sealed(a.offer(b.own, TOPIC, now).unwrap())];
    let mut taken = 0;
    while let Some(step) = steps.pop() {
        let (from, to) = if taken % 2 == 0 { (a.own, &mut *b) } else { (b.own, &mut *a) };
        steps = deliver(from, to, &step, now);
        taken += 1;
    }
    assert_eq!(taken, 4, "an offer, an answer, a confirmation, and that it came");
}

/// A handshake whose confirmation is lost.
fn agree_without_a_word(a: &mut Sessions, b: &mut Sessions, now: u64) {
    let offer = a.offer(b.own, TOPIC, now).unwrap();
    let answer = b.step(a.own, TOPIC, &offer, None, now).unwrap().expect("an offer is answered");
    let [Answer::Under(_, Step::Confirm)] = &deliver(b.own, a, &answer, now)[..] else { panic!("no confirmation") };
}

#[test]
fn two_agree_on_two_keys_and_nobody_reads_its_own() {
    let (mut a, mut b) = pair();
    agree_on_keys(&mut a, &mut b, 0);
    assert!(passes(&mut a, &mut b, 1) && passes(&mut b, &mut a, 1));
    let ours = a.sending(b.own, TOPIC, 1).unwrap().key;
    assert!(a.receiving(TOPIC, 1).iter().all(|(_, _, theirs)| *theirs != ours), "each direction has its key");
    assert!(a.receiving(Topic([0; 4]), 1).is_empty());
}

#[test]
fn an_offer_that_comes_twice_gets_the_same_answer() {
    let (mut a, mut b) = pair();
    let offer = a.offer(b.own, TOPIC, 0).unwrap();
    let lost = b.step(a.own, TOPIC, &offer, None, 0).unwrap();
    assert_eq!(a.offer(b.own, TOPIC, 6).unwrap(), offer, "repeated as it was");
    let answer = b.step(a.own, TOPIC, &offer, None, 6).unwrap();
    assert_eq!(answer, lost);
    deliver(b.own, &mut a, &answer.unwrap(), 6);
    assert!(passes(&mut a, &mut b, 7) && passes(&mut b, &mut a, 7));
    assert_eq!(b.step(a.own, TOPIC, &offer, None, 8).unwrap(), lost, "and when it is in use");
    agree_on_keys(&mut a, &mut b, 9);
    assert_eq!(b.step(a.own, TOPIC, &offer, None, 9).unwrap(), lost, "and when there are newer ones");
}

#[test]
fn when_both_offer_at_once_both_end_with_the_same_keys() {
    for first in [true, false] {
        let (mut a, mut b) = pair();
        let (offer_a, offer_b) = (a.offer(b.own, TOPIC, 0).unwrap(), b.offer(a.own, TOPIC, 0).unwrap());
        let refuse = |a: &mut Sessions| assert_eq!(a.step(id(2), TOPIC, &offer_b, None, 0), Err(StepError::OursCounts));
        if first {
            refuse(&mut a);
        }
        let answer = b.step(a.own, TOPIC, &offer_a, None, 0).unwrap().unwrap();
        if !first {
            refuse(&mut a);
        }
        deliver(b.own, &mut a, &answer, 0);
        assert_eq!(a.agreed(b.own, TOPIC, 0), b.agreed(a.own, TOPIC, 0));
        assert!(passes(&mut b, &mut a, 1) && passes(&mut a, &mut b, 1));
    }
}

#[test]
fn keys_are_exchanged_after_so_many_messages_and_the_old_ones_are_accepted_for_a_while() {
    let (mut a, mut b) = pair();
    agree_on_keys(&mut a, &mut b, 0);
    let rotation = Rotation::default();
    for _ in 1..rotation.messages {
        assert!(!a.sending(b.own, TOPIC, 1).unwrap().due);
    }
    let Sending { key: old, due, confirm } = a.sending(b.own, TOPIC, 1).unwrap();
    assert!(due && !confirm, "after {} messages", rotation.messages);
    let offer = a.offer(b.own, TOPIC, 1).unwrap();
    assert!(!a.sending(b.own, TOPIC, 2).unwrap().due, "the offer is under way");
    assert!(a.sending(b.own, TOPIC, 6).unwrap().due, "it may be lost");
    let answer = b.step(a.own, TOPIC, &offer, None, 6).unwrap().unwrap();
    assert!(passes(&mut b, &mut a, 6), "b goes on with the old keys until a has the new ones");
    deliver(b.own, &mut a, &answer, 7);
    let knows = |b: &Sessions, now| b.receiving(TOPIC, now).iter().any(|(_, _, theirs)| *theirs == old);
    assert!(a.sending(b.own, TOPIC, 7).unwrap().key != old && passes(&mut a, &mut b, 7));
    let grace = rotation.grace.as_secs();
    assert!(knows(&b, 7 + grace - 1) && !knows(&b, 7 + grace));
    assert!(passes(&mut b, &mut a, 8));
}

#[test]
fn keys_are_exchanged_after_a_time_and_expire_after_twice_that() {
    let (mut a, mut b) = pair();
    agree_on_keys(&mut a, &mut b, 0);
    let hour = Rotation::default().after.as_secs();
    assert!(!a.sending(b.own, TOPIC, hour - 1).unwrap().due);
    assert!(a.sending(b.own, TOPIC, hour).unwrap().due);
    assert!(passes(&mut a, &mut b, 2 * hour - 1) && a.agreed(b.own, TOPIC, 2 * hour - 1).is_some());
    assert!(a.agreed(b.own, TOPIC, 2 * hour).is_none(), "keys that cannot be used are none");
    assert!(a.sending(b.own, TOPIC, 2 * hour).is_none() && b.receiving(TOPIC, 2 * hour).is_empty());
}

#[test]
fn who_agrees_on_new_keys_and_then_only_listens_goes_on_hearing() {
    for handshakes in [1, 2, 3] {
        for lost in [0, 1, 7, usize::MAX] {
            let (mut a, mut b) = pair();
            agree_on_keys(&mut a, &mut b, 0);
            (1..=handshakes).for_each(|now| agree_without_a_word(&mut b, &mut a, now));
            let mut said = 0;
            for now in (10..6_600).step_by(10) {
                let sent = a.sending(b.own, TOPIC, now).unwrap();
                let opened = opens(a.own, &mut b, &sent.key, now);
                let (_, newer) = opened.unwrap_or_else(|| panic!("lost at {now} s after {handshakes} handshakes"));
                if let Some(step) = newer {
                    said += 1;
                    if said > lost {
                        deliver(b.own, &mut a, &step, now);
                    }
                }
            }
            let expected = if lost == usize::MAX { said } else { lost + 1 };
            assert_eq!(said, expected, "b tells of its keys until a uses them");
            let kept = if said > lost { 1 } else { handshakes as usize + 1 };
            assert_eq!(b.receiving(TOPIC, 6_590).len(), kept);
        }
    }
}

#[test]
fn whatever_is_lost_or_late_what_is_sent_in_a_session_is_opened() {
    for seed in 0..200 {
        let mut chance = Rng::with_seed(seed);
        let rotation = Rotation { messages: 40, ..Rotation::default() };
        let mut ends = [sessions(1, rotation), sessions(2, rotation)];
        let [a, b] = &mut ends;
        agree_on_keys(a, b, 0);
        // When it comes, to whom, and a step or else the key of a message.
        let mut under_way: VecDeque<(u64, usize, Result<Answer, SymmetricKey>)> = VecDeque::new();
        let mut heard = 0;
        for now in 1..3_000 {
            let mut sent = Vec::new();
            for from in [0, 1] {
                let to = ends[1 - from].own;
                // For long times one of them says nothing.
                if chance.u8(..10) == 0 && now / 500 % 3 != from as u64 {
                    let Sending { key, due, confirm } = ends[from].sending(to, TOPIC, now).unwrap();
                    if due {
                        sent.push((from, Ok(Answer::Sealed(ends[from].offer(to, TOPIC, now).unwrap()))));
                    }
                    if confirm {
                        sent.push((from, Ok(Answer::Under(key.clone(), Step::Confirm))));
                    }
                    sent.push((from, Err(key)));
                }
                if chance.u8(..100) == 0 {
                    sent.push((from, Ok(Answer::Sealed(ends[from].offer(to, TOPIC, now).unwrap()))));
                }
            }
            let (come, later) = under_way.into_iter().partition(|(at, ..)| *at <= now);
            under_way = later;
            let come: VecDeque<_> = come;
            for (_, to, what) in come {
                let from = ends[1 - to].own;
                let steps = match what {
                    Ok(step) => deliver(from, &mut ends[to], &step, now),
                    Err(key) => {
                        heard += 1;
                        let opened = opens(from, &mut ends[to], &key, now);
                        opened.unwrap_or_else(|| panic!("seed {seed}: not opened at {now} s")).1.into_iter().collect()
                    }
                };
                sent.extend(steps.into_iter().map(|step| (to, Ok(step))));
            }
            for (from, what) in sent {
                if what.is_err() || chance.u8(..10) >= 3 {
                    under_way.push_back((now + chance.u64(1..20), 1 - from, what));
                }
            }
        }
        assert!(heard > 300, "{heard}");
    }
}

#[test]
fn one_that_has_forgotten_the_keys_is_offered_new_ones() {
    let (mut a, mut b) = pair();
    agree_without_a_word(&mut a, &mut b, 0);
    let mut b = sessions(2, Rotation::default());
    let limit = (OFFER_AGAIN * OFFERS).as_secs();
    assert!(!a.sending(b.own, TOPIC, limit - 1).unwrap().due);
    assert!(a.sending(b.own, TOPIC, limit).unwrap().due, "nothing was heard under them");
    agree_on_keys(&mut a, &mut b, limit);
    assert!(passes(&mut a, &mut b, limit) && !a.sending(b.own, TOPIC, 2 * limit).unwrap().due);
}

#[test]
fn what_was_not_asked_for_changes_nothing() {
    let (mut a, mut b) = pair();
    let other = Topic([9; 4]);
    let offer = a.offer(b.own, other, 0).unwrap();
    assert_eq!(b.step(a.own, other, &offer, None, 0), Err(StepError::NotAccepted(other)));
    let answer = Step::Answer { offer: [7; 32], ephemeral: [8; 32] };
    assert_eq!(a.step(b.own, TOPIC, &answer, None, 0), Err(StepError::NotOffered));
    assert_eq!(a.step(b.own, other, &answer, None, 0), Err(StepError::NotOffered), "it is another offer that waits");
    assert!(a.listens(other), "and it still does");
    let nothing = Step::Offer { ephemeral: [0; 32] };
    assert_eq!(b.step(a.own, TOPIC, &nothing, None, 0), Err(StepError::BadKey));
    for (step, under) in [(offer, Some([1; 32])), (Step::Confirm, None), (Step::Confirmed, None)] {
        assert_eq!(b.step(a.own, TOPIC, &step, under, 0), Err(StepError::WrongSeal));
    }
    assert_eq!(b.step(a.own, TOPIC, &Step::Confirm, Some([1; 32]), 0), Err(StepError::NotOffered));
    assert!(b.is_empty());
}

#[test]
fn sessions_are_bounded_and_those_that_are_over_make_room() {
    let mut a = Sessions::new(id(1), Rotation::default());
    for number in 0..MAX_SESSIONS {
        a.offer(peer(number), TOPIC, 0).unwrap();
    }
    assert_eq!(a.offer(peer(MAX_SESSIONS), TOPIC, 1), Err(StepError::TooMany));
    assert_eq!(a.len(), MAX_SESSIONS);
    a.offer(peer(MAX_SESSIONS), TOPIC, 100_000).unwrap();
    assert_eq!(a.len(), 1);
}

/// An offer of somebody whom nobody knows; whether it was answered, and what opens what it says.
fn stranger(a: &mut Sessions, number: usize, now: u64) -> Result<Sessions, StepError> {
    let mut other = Sessions::new(peer(number), Rotation::default());
    let offer = other.offer(a.own, TOPIC, now).unwrap();
    let answer = a.step(other.own, TOPIC, &offer, None, now)?.unwrap();
    deliver(a.own, &mut other, &answer, now);
    Ok(other)
}

#[test]
fn offers_of_any_number_of_ids_keep_nobody_out_and_end_nothing_that_is_in_use() {
    let mut a = sessions(1, Rotation::default());
    let mut friend = stranger(&mut a, 1, 0).unwrap();
    assert!(passes(&mut friend, &mut a, 0));
    for number in 1_000..1_000 + 2 * MAX_SESSIONS {
        stranger(&mut a, number, 1).unwrap();
        assert!(a.receiving(TOPIC, 1).len() <= MAX_UNCONFIRMED + 1, "so many keys are tried on each message");
    }
    assert!(passes(&mut friend, &mut a, 2));
    // Another comes, and between its offer and its word there are as many as a peer lets through in a part of a second.
    let mut late = stranger(&mut a, 2, 2).unwrap();
    (0..MAX_UNCONFIRMED - 1).for_each(|number| _ = stranger(&mut a, 50_000 + number, 2));
    assert!(passes(&mut late, &mut a, 2));
    assert_eq!(a.len(), MAX_UNCONFIRMED - 1 + 2);
}

#[test]
fn sessions_that_others_began_about_a_topic_are_bounded_and_leave_room_for_ones_own() {
    let mut a = sessions(1, Rotation::default());
    for number in 0..MAX_SESSIONS_PER_TOPIC {
        let mut other = stranger(&mut a, 1_000 + number, 0).unwrap();
        assert!(passes(&mut other, &mut a, 0));
    }
    assert_eq!(stranger(&mut a, 1, 0).err(), Some(StepError::TooManyAbout(TOPIC)));
    let mut b = sessions(2, Rotation::default());
    agree_on_keys(&mut a, &mut b, 0);
    assert_eq!(stranger(&mut a, 1, 7_199).err(), Some(StepError::TooManyAbout(TOPIC)));
    assert!(stranger(&mut a, 1, 7_200).is_ok(), "those that expired make room");
}
