use super::*;
use crate::message::MessageSpec;

fn spec(name: &'static str, max_bytes: usize, window: u32) -> (MessageSpec, bool) {
    (MessageSpec { max_bytes, window, ..MessageSpec::named(name) }, false)
}

fn outbox() -> (Outbox, LaneIndex, LaneIndex, LaneIndex) {
    let table = [spec("ping", 64, 1000), spec("big", 1 << 20, 200_000), spec("huge", 1 << 20, 200_000)];
    let table = Arc::new(LaneTable::new(table).unwrap());
    let find = |name| table.find(MessageId::of(name)).unwrap();
    let (ping, big, huge) = (find("ping"), find("big"), find("huge"));
    (Outbox::new(table, 4096), ping, big, huge)
}

impl Outbox {
    fn offer_payload(&mut self, at: LaneIndex, payload: &[u8]) -> Offered {
        let mut frame = Vec::new();
        frame::write(&mut frame, Kind::Message, self.table.lane(at).id, payload);
        self.offer(at, &frame)
    }
}

fn kinds(mut batch: &[u8]) -> Vec<(Kind, MessageId, usize)> {
    let mut kinds = Vec::new();
    while let Some(header) = Header::parse(batch).unwrap() {
        kinds.push((header.kind, header.id, header.len as usize));
        batch = &batch[header.frame_len()..];
    }
    kinds
}

#[test]
fn a_lane_without_credit_waits_and_its_siblings_do_not() {
    let (mut outbox, ping, big, _) = outbox();
    while outbox.offer_payload(ping, &[0; 56]) == Offered::Taken {}
    assert_eq!(outbox.small.len(), 960);
    assert_eq!(outbox.offer_payload(big, &[0; 56]), Offered::Taken);
    assert_eq!(outbox.add_credit(ping, 64), Some(()));
    assert_eq!(outbox.offer_payload(ping, &[0; 56]), Offered::Taken);
}

#[test]
fn more_credit_than_the_window_may_grow_to_is_refused() {
    let (mut outbox, ping, ..) = outbox();
    assert_eq!(outbox.add_credit(ping, 31_000), Some(()), "1,000 at first, 32 times that at most");
    assert_eq!(outbox.add_credit(ping, 1), None);
    assert_eq!(outbox.add_credit(ping, u32::MAX), None);
}

#[test]
fn credit_given_back_while_nothing_can_be_written_is_one_frame_a_lane() {
    let (mut outbox, ping, big, _) = outbox();
    for _ in 0..1000 {
        outbox.grant(ping, 10);
        outbox.grant(big, 20);
    }
    let mut batch = Vec::new();
    outbox.take(&mut batch, |_| ());
    let (p, b) = (MessageId::of("ping"), MessageId::of("big"));
    assert_eq!(kinds(&batch), [(Kind::Window, p, 4), (Kind::Window, b, 4)]);
    assert_eq!(batch[8..12], 10_000_u32.to_le_bytes());
    assert!(!outbox.has_work());
}

#[test]
fn urgent_frames_leave_first_and_in_their_order() {
    let (mut alarm, other) = (spec("alarm", 64, 1000), spec("note", 64, 100_000));
    alarm.0.priority = Priority::High;
    let table = Arc::new(LaneTable::new([alarm, other]).unwrap());
    let find = |name| table.find(MessageId::of(name)).unwrap();
    let (alarm, note) = (find("alarm"), find("note"));
    let mut outbox = Outbox::new(table, 4096);
    while outbox.offer_payload(note, &[0; 40]) == Offered::Taken {}
    assert!(outbox.is_full());
    for n in 1..=2 {
        assert_eq!(outbox.offer_payload(alarm, &vec![0; n]), Offered::Taken, "a full queue is not its own");
    }
    outbox.cancel(note, 7);
    let mut batch = Vec::new();
    outbox.take(&mut batch, |_| ());
    let kinds = kinds(&batch);
    let (a, n) = (MessageId::of("alarm"), MessageId::of("note"));
    assert_eq!(kinds[..3], [(Kind::Message, a, 1), (Kind::Message, a, 2), (Kind::Message, n, 40)]);
    assert_eq!(kinds.last(), Some(&(Kind::Cancel, n, 4)));
    while outbox.offer_payload(alarm, &[0; 40]) == Offered::Taken {}
    assert!(!outbox.is_full(), "its credit ends as that of any lane");
    outbox.close(Some(&[3]));
    batch.clear();
    outbox.take(&mut batch, |_| ());
    assert_eq!(self::kinds(&batch).last().map(|frame| frame.0), Some(Kind::Close));
    assert!(!outbox.has_work());
}

#[test]
fn a_lane_holds_large_messages_while_there_is_room_for_all_and_one_in_any_case() {
    let (mut outbox, _, big, huge) = outbox();
    outbox.high_water = 450_000;
    let (bytes, mut offer) = (Arc::new(vec![7; 150_000]), Vec::new());
    for at in [big, big, huge, huge, big] {
        offer.push(outbox.offer_large(at, Kind::Message, &bytes));
    }
    assert_eq!(offer, [Offered::Taken, Offered::Taken, Offered::Taken, Offered::Blocked, Offered::Blocked]);
    let mut told = Vec::new();
    while outbox.has_work() {
        outbox.take(&mut Vec::new(), |lane| told.push(lane));
        outbox.add_credit(big, 60_000).unwrap();
    }
    assert_eq!((told, outbox.large), (vec![huge, big], 0), "not of the first, which left more than half of it");
}

#[test]
fn large_messages_go_in_parts_lane_by_lane_behind_small_frames() {
    let (mut outbox, ping, big, huge) = outbox();
    let bytes = Arc::new(vec![7; 150_000]);
    assert_eq!(outbox.offer_large(big, Kind::Message, &bytes), Offered::Taken);
    assert_eq!(outbox.offer_large(big, Kind::Message, &bytes), Offered::Blocked);
    assert_eq!(outbox.offer_large(huge, Kind::Message, &bytes), Offered::Taken);
    let (b, h) = (MessageId::of("big"), MessageId::of("huge"));
    let mut seen = Vec::new();
    let mut finished = Vec::new();
    for turn in 0..3 {
        assert_eq!(outbox.offer_payload(ping, &[turn; 8]), Offered::Taken);
        let mut batch = Vec::new();
        outbox.take(&mut batch, |lane| finished.push(lane));
        let kinds = kinds(&batch);
        assert_eq!(kinds[0], (Kind::Message, MessageId::of("ping"), 8), "a small frame waits for one write");
        seen.extend_from_slice(&kinds[1..]);
    }
    while outbox.has_work() {
        let mut batch = Vec::new();
        outbox.take(&mut batch, |lane| finished.push(lane));
        seen.extend(kinds(&batch));
    }
    let (part, last) = ((Kind::Part, CHUNK - HEADER), (Kind::Message, 150_000 - 2 * (CHUNK - HEADER)));
    let expected = [(part, b), (part, h), (part, b), (part, h), (last, b), (last, h)];
    assert_eq!(seen, expected.map(|((kind, len), id)| (kind, id, len)));
    assert_eq!(finished, [big, huge]);
}

#[test]
fn a_message_of_a_little_more_than_a_frame_is_one_write() {
    let (mut outbox, _, big, _) = outbox();
    assert_eq!(outbox.offer_large(big, Kind::Message, &Arc::new(vec![7; CHUNK + 5])), Offered::Taken);
    let mut batch = Vec::new();
    outbox.take(&mut batch, |_| ());
    let id = MessageId::of("big");
    assert_eq!(kinds(&batch), [(Kind::Part, id, CHUNK - HEADER), (Kind::Message, id, HEADER + 5)]);
    assert!(!outbox.has_work());
}

#[test]
fn a_large_message_stops_where_its_credit_ends_and_goes_on_with_more() {
    let (mut outbox, _, big, _) = outbox();
    assert_eq!(outbox.offer_large(big, Kind::Message, &Arc::new(vec![7; 300_000])), Offered::Taken);
    let mut batch = Vec::new();
    while outbox.has_work() {
        let mut more = Vec::new();
        outbox.take(&mut more, |_| panic!("it cannot be finished"));
        batch.extend(more);
    }
    assert_eq!(batch.len(), 200_000, "the window and not a byte more");
    assert_eq!(outbox.add_credit(big, 150_000), Some(()));
    let mut done = false;
    while outbox.has_work() {
        outbox.take(&mut Vec::new(), |_| done = true);
    }
    assert!(done);
}

#[test]
fn closing_drops_large_messages_and_ends_with_the_reason() {
    let (mut outbox, ping, big, _) = outbox();
    assert_eq!(outbox.offer_payload(ping, &[1]), Offered::Taken);
    assert_eq!(outbox.offer_large(big, Kind::Message, &Arc::new(vec![7; 70_000])), Offered::Taken);
    outbox.close(Some(&[3]));
    assert_eq!(outbox.offer_payload(ping, &[1]), Offered::Closed);
    let mut batch = Vec::new();
    outbox.take(&mut batch, |_| ());
    assert_eq!(kinds(&batch).iter().map(|frame| frame.0).collect::<Vec<_>>(), [Kind::Message, Kind::Close]);
    assert!(!outbox.has_work());
}

#[test]
fn who_asked_learns_of_a_refusal_however_much_waits() {
    let (mut outbox, ping, big, _) = outbox();
    while outbox.offer_payload(big, &[0; 56]) == Offered::Taken {}
    assert_eq!(outbox.offer_payload(ping, &[1]), Offered::Full);
    let frame = frame::of(Kind::ReplyError, MessageId::of("ping"), &[0; 4], b"no");
    assert_eq!(outbox.refuse(ping, &frame), Offered::Taken);
    while outbox.refuse(ping, &frame) == Offered::Taken {}
    assert!(outbox.lanes[ping.get()].credit < frame.len() as u32, "credit is its bound");
}

#[test]
fn a_protocol_has_left_once_its_large_messages_have() {
    let (mut outbox, ping, big, _) = outbox();
    assert_eq!(outbox.offer_large(big, Kind::Message, &Arc::new(vec![7; 100_000])), Offered::Taken);
    outbox.left(MessageId::of("chat"), &[ping, big], b"done");
    outbox.left(MessageId::of("other"), &[ping], b"");
    let mut seen = Vec::new();
    while outbox.has_work() {
        let mut batch = Vec::new();
        outbox.take(&mut batch, |_| ());
        seen.extend(kinds(&batch).into_iter().map(|(kind, id, _)| (kind, id)));
    }
    let (big, chat, other) = (MessageId::of("big"), MessageId::of("chat"), MessageId::of("other"));
    assert_eq!(seen, [(Kind::Left, other), (Kind::Part, big), (Kind::Message, big), (Kind::Left, chat)]);
}

#[test]
fn who_found_it_full_is_told_one_by_one_while_it_fills_and_all_together_once_it_does_not() {
    let (mut outbox, _, big, _) = outbox();
    let fill = |outbox: &mut Outbox| while outbox.offer_payload(big, &[0; 56]) == Offered::Taken {};
    assert_eq!(outbox.tell_of_space(), 0, "nobody came");
    for _ in 0..3 {
        fill(&mut outbox);
        assert_eq!(outbox.tell_of_space(), 1);
        outbox.take(&mut Vec::new(), |_| ());
    }
    assert_eq!((outbox.tell_of_space(), outbox.tell_of_space()), (usize::MAX, 0), "told once");
}
