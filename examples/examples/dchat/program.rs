//! One node: typed lines go to everybody, what the others say is printed, and so is who comes and goes.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use futures::io::BufReader;
use futures::stream::{self, StreamExt, select_all};
use futures::{AsyncBufReadExt, Stream};
use p2p_examples::{Outcome, interrupts};
use p2p_net::event::PeerEvents;
use p2p_net::p2p::{Recipients, RunError, StartError};
use p2p_net::{Channel, NodeId, P2p, P2pPtr, Settings};
use smol::{Executor, Task, Unblock};

use crate::people::{Line, Person, chatting, name_of};
use crate::protocol::Say;

/// Lines that wait to be printed; beyond it, those who say them wait.
const WAITING_LINES: usize = 64;

/// What the program waits for.
enum Step {
    Started(Result<(), StartError>),
    Typed(io::Result<String>),
    Heard(NodeId, Say),
    PeersChanged,
    Quit,
}

pub async fn run(settings: Settings, ex: Arc<Executor<'static>>) -> Outcome {
    // ANCHOR: node
    let (sender, lines) = smol::channel::bounded(WAITING_LINES);
    let name = settings.name.clone();
    let p2p = P2p::builder(settings).state(sender).build().await?;
    // ANCHOR_END: node
    let steps = select_all([
        interrupts()?.map(|_| Step::Quit).boxed(),
        changes(p2p.subscribe_events()).boxed(),
        lines.clone().map(|(from, say)| Step::Heard(from, say)).boxed(),
        typed().map(Step::Typed).chain(stream::iter([Step::Quit])).boxed(),
        stream::once(p2p.clone().start(ex.clone())).map(Step::Started).boxed(),
    ]);
    let mut chat = Chat { name, p2p: p2p.clone(), friends: BTreeMap::new(), run: None };
    let outcome = chat.live(steps, &ex).await;
    p2p.stop().await;
    // Kept to here: a line that arrives while the node stops is no fault of who said it.
    drop(lines);
    if let Some(run) = chat.run {
        run.await?;
    }
    outcome
}

/// Every line typed, until the input is closed.
fn typed() -> impl Stream<Item = io::Result<String>> {
    BufReader::new(Unblock::new(io::stdin())).lines()
}

/// Whenever somebody came or went.
fn changes(events: PeerEvents) -> impl Stream<Item = Step> {
    stream::unfold(events, async |mut events| events.next().await.map(|_| (Step::PeersChanged, events)))
}

struct Chat {
    name: String,
    p2p: P2pPtr,
    friends: BTreeMap<NodeId, Channel>,
    run: Option<Task<Result<(), RunError>>>,
}

impl Chat {
    async fn live(&mut self, mut steps: impl Stream<Item = Step> + Unpin, ex: &Arc<Executor<'static>>) -> Outcome {
        while let Some(step) = steps.next().await {
            match step {
                Step::Started(started) => {
                    started?;
                    self.run = Some(ex.spawn(self.p2p.clone().run(ex.clone())));
                    self.say_where();
                }
                Step::Typed(line) => match line?.trim() {
                    "" => {}
                    "/quit" => break,
                    "/peers" => self.list_peers(),
                    "/info" => self.say_where(),
                    command if command.starts_with('/') => println!("! commands: /peers, /info, /quit"),
                    text => self.say(text).await,
                },
                Step::Heard(from, say) => println!("{}", Line { from, say: &say }),
                Step::PeersChanged => self.look_around(),
                Step::Quit => break,
            }
        }
        Ok(())
    }

    // ANCHOR: say
    async fn say(&self, text: &str) {
        let say = Say { name: self.name.clone(), text: text.to_owned() };
        if self.friends.is_empty() {
            println!("! nobody is here to hear it");
        }
        let friends = Recipients::Some(self.friends.keys().copied().collect());
        for (friend, sent) in self.p2p.broadcast_to(&friends, &say).await {
            if let (Err(error), Some(channel)) = (sent, self.friends.get(&friend)) {
                println!("! {} did not get it: {error}", show(channel));
            }
        }
    }
    // ANCHOR_END: say

    /// Says who came and who went since the last look. What an event says may be over already; who is here counts.
    fn look_around(&mut self) {
        let before = std::mem::replace(&mut self.friends, chatting(&self.p2p));
        let stayed =
            |channel: &Channel| self.friends.contains_key(&channel.peer_id()) && channel.disconnect().is_none();
        for channel in before.values().filter(|channel| !stayed(channel)) {
            let why = channel.disconnect().map_or_else(|| "gone".to_owned(), ToString::to_string);
            println!("- {} left: {why}", show(channel));
        }
        for (id, channel) in &self.friends {
            // Somebody who left and is back already came too.
            if !before.get(id).is_some_and(stayed) {
                println!("+ {} joined", show(channel));
            }
        }
    }

    fn list_peers(&self) {
        println!("{} peers", self.friends.len());
        for channel in self.friends.values() {
            let info = channel.info();
            let rtt = info.rtt.map_or_else(|| "-".to_owned(), |rtt| format!("{rtt:.1?}"));
            println!("  {} {} {} {rtt}", show(channel), info.session, info.remote);
        }
    }

    fn say_where(&self) {
        let me = Person { name: &self.name, id: self.p2p.id() };
        let urls: Vec<_> = self.p2p.advertised().iter().map(ToString::to_string).collect();
        match urls.as_slice() {
            [] => println!("{me} is here, and listens nowhere"),
            urls => println!("{me} is here, at {}", urls.join(" ")),
        }
    }
}

fn show(channel: &Channel) -> String {
    Person { name: &name_of(channel), id: channel.peer_id() }.to_string()
}
