//! Who is here, and how they are shown.

use std::collections::BTreeMap;
use std::fmt;

use p2p_net::{Channel, NodeId, P2p, SessionFlags};

use crate::protocol::Say;

/// A name and the short node id: the name is only claimed, the id is proven. `alice (k3j5a7qd…)`
pub struct Person<'a> {
    pub name: &'a str,
    pub id: NodeId,
}

impl fmt::Display for Person<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}…)", Printable(self.name), self.id.short())
    }
}

/// A line as it is shown. `alice (k3j5a7qd…): hello`
pub struct Line<'a> {
    pub from: NodeId,
    pub say: &'a Say,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Say { name, text } = self.say;
        write!(f, "{}: {}", Person { name, id: self.from }, Printable(text))
    }
}

/// Text of somebody else: whoever could send control characters would own the terminal.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        self.0.chars().map(shown).try_for_each(|c| fmt::Write::write_char(f, c))
    }
}

/// The channels to those who chat: not those to seeds, which are visited, or to nodes without this protocol.
pub fn chatting(p2p: &P2p) -> BTreeMap<NodeId, Channel> {
    let chats = |channel: &Channel| {
        channel.session() != SessionFlags::SEED && channel.supports::<Say>() && channel.disconnect().is_none()
    };
    p2p.channels().into_iter().filter(chats).map(|channel| (channel.peer_id(), channel)).collect()
}

/// What the peer calls itself: the setting `name` of its node, with which its agent begins.
pub fn name_of(channel: &Channel) -> String {
    let agent = channel.info().name;
    agent.split('/').next().unwrap_or_default().to_owned()
}
