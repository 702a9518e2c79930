use super::*;
use crate::message::MessageSpec;

fn say() -> MessageSpec {
    MessageSpec { max_bytes: 9, window: 9999, type_name: || "Say", ..MessageSpec::named("say") }
}

fn lanes() -> LaneTable {
    LaneTable::new([(say(), false)]).unwrap()
}

fn chat(version: u16, fingerprint: u64) -> OfferedProtocol {
    let messages = BTreeMap::from([(MessageId::of("say").to_wire(), fingerprint)]);
    OfferedProtocol { name: "chat".to_owned(), version, handshake: false, here: true, paired: true, messages }
}

/// Who runs what, when one end has a protocol here and the other may have: whether each end runs it and whether the
/// first may send and takes its message.
fn between(ours: bool, theirs: bool, paired: bool) -> (bool, bool, bool, bool) {
    let [one, other] = [ours, theirs].map(|here| Offer(vec![OfferedProtocol { here, paired, ..chat(1, 1) }]));
    let (here, there) =
        (Agreement::of(&one, &other, &lanes()).unwrap(), Agreement::of(&other, &one, &lanes()).unwrap());
    let say = lanes().find(MessageId::of("say")).unwrap();
    assert_eq!((here.sends(say), here.takes(say)), (there.takes(say), there.sends(say)), "both ends agree");
    (here.runs("chat", 1), there.runs("chat", 1), here.sends(say), here.takes(say))
}

#[test]
fn what_is_made_for_both_ends_runs_at_both_or_at_neither() {
    assert_eq!(between(true, true, true), (true, true, true, true));
    assert_eq!(between(true, false, true), (false, false, false, false));
}

#[test]
fn one_side_of_a_conversation_runs_where_it_is_and_takes_its_messages_there() {
    assert_eq!(between(true, false, false), (true, false, false, true));
    assert_eq!(between(false, true, false), (false, true, true, false));
}

#[test]
fn no_handshake_is_got_around_by_a_session_without_it() {
    let handshake = |here| Offer(vec![OfferedProtocol { handshake: true, here, ..chat(1, 1) }]);
    let refused = Agreement::of(&handshake(true), &handshake(false), &lanes()).unwrap_err();
    assert_eq!(refused.to_string(), "the handshake protocol chat/1 is run by this node alone");
}

#[test]
fn the_highest_common_version_runs() {
    let ours = Offer(vec![chat(1, 1), chat(2, 1), chat(4, 1)]);
    let theirs = Offer(vec![chat(1, 1), chat(2, 1), chat(3, 1)]);
    let agreement = Agreement::of(&ours, &theirs, &lanes()).unwrap();
    assert_eq!(agreement.names(), ["chat/2"]);
    assert!(agreement.sends(lanes().find(MessageId::of("say")).unwrap()));
}

#[test]
fn what_only_one_end_has_does_not_run() {
    let agreement = Agreement::of(&Offer(vec![chat(1, 1)]), &Offer::default(), &lanes()).unwrap();
    assert!(agreement.names().is_empty() && agreement.refused().is_empty());
    assert!(!agreement.sends(lanes().find(MessageId::of("say")).unwrap()));
}

#[test]
fn a_message_that_only_one_end_has_is_not_carried() {
    let mut theirs = chat(1, 1);
    theirs.messages = BTreeMap::new();
    let agreement = Agreement::of(&Offer(vec![chat(1, 1)]), &Offer(vec![theirs]), &lanes()).unwrap();
    assert!(agreement.runs("chat", 1));
    assert!(!agreement.sends(lanes().find(MessageId::of("say")).unwrap()));
}

#[test]
fn different_messages_are_refused_with_both_fingerprints() {
    let agreement = Agreement::of(&Offer(vec![chat(1, 0xa)]), &Offer(vec![chat(1, 0xb)]), &lanes()).unwrap();
    assert!(agreement.names().is_empty());
    let text = agreement.refused()[0].to_string();
    let say =
        "message `say` (its fields, max_bytes, window or rate) is 000000000000000a here and 000000000000000b there";
    assert!(text.contains(say), "{text}");
}

#[test]
fn a_different_reply_is_said_to_be_one() {
    let lanes = LaneTable::new([(MessageSpec { reply: Some(say), ..say() }, false)]).unwrap();
    let offer = |terms| {
        let messages = BTreeMap::from([(MessageId::of_replies_to("say").to_wire(), terms)]);
        Offer(vec![OfferedProtocol { messages, ..chat(1, 1) }])
    };
    let text = Agreement::of(&offer(1), &offer(2), &lanes).unwrap().refused()[0].to_string();
    let reply =
        "not run: the reply to `say` (its fields, max_bytes, window or rate, or that it is one and not a stream) is";
    assert!(text.contains(reply), "{text}");
}

#[test]
fn a_different_handshake_refuses_the_peer() {
    let (mut ours, mut theirs) = (chat(1, 1), chat(1, 2));
    (ours.handshake, theirs.handshake) = (true, true);
    let refused = Agreement::of(&Offer(vec![ours]), &Offer(vec![theirs]), &lanes()).unwrap_err();
    assert!(matches!(refused, OfferRefused::Handshake(_)));
}

#[test]
fn a_handshake_that_only_one_has_refuses_the_peer() {
    let mut auth = chat(1, 1);
    auth.handshake = true;
    let (with, without) = (Offer(vec![auth]), Offer::default());
    let refused = |ours, theirs| Agreement::of(ours, theirs, &lanes()).unwrap_err().to_string();
    assert_eq!(refused(&with, &without), "the handshake protocol chat/1 is run by this node alone");
    assert_eq!(refused(&without, &with), "the handshake protocol chat/1 is run by the peer alone");
    let later = Offer(vec![chat(1, 1)]);
    assert_eq!(refused(&with, &later), "the handshake protocol chat/1 is run by this node alone");
}
