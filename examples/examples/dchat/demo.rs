//! A seed and three nodes in one process: the three know only the seed, find each other, say a line each, and stop.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{join_all, try_join_all};
use p2p_examples::Outcome;
use p2p_net::node_url::NodeUrl;
use p2p_net::p2p::{Recipients, RunError};
use p2p_net::{NodeId, P2p, P2pPtr, ProtocolSet, Settings};
use smol::channel::Receiver;
use smol::{Executor, Task};

use crate::people::{Line, Person, chatting};
use crate::protocol::{Say, chat};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// For everything, from the first node's start to the last line.
const LIMIT: Duration = Duration::from_secs(8);

pub async fn run(ex: Arc<Executor<'static>>) -> Outcome {
    let linked = ProtocolSet::linked();
    // ANCHOR: seed
    let settings = Settings { outbound_slots: 0, ..Settings::default() };
    let mut seed = Node::new("seed", settings, linked.clone().without::<chat>()).await?;
    seed.start(&ex).await?;
    // ANCHOR_END: seed
    let settings = Settings { seeds: seed.p2p.advertised(), ..Settings::default() };
    let mut nodes = try_join_all(NAMES.map(|name| Node::new(name, settings.clone(), linked.clone()))).await?;
    let lines: Vec<_> = nodes.iter().map(|node| (node.p2p.id(), node.line())).collect();

    let talk = try_join_all(nodes.iter_mut().map(|node| node.talk(&ex)));
    let talked = seed.p2p.clock().timeout(LIMIT, talk).await;
    let missing: Vec<_> = nodes.iter().flat_map(|node| node.missing(&lines)).collect();

    nodes.push(seed);
    for stopped in join_all(nodes.into_iter().map(Node::stop)).await {
        stopped?;
    }
    if let Ok(Err(error)) = talked {
        return Err(error);
    }
    if !missing.is_empty() {
        return Err(format!("missing: {}", missing.join("; ")).into());
    }
    println!("everybody heard everybody");
    Ok(())
}

struct Node {
    name: &'static str,
    p2p: P2pPtr,
    lines: Receiver<(NodeId, Say)>,
    heard: Vec<(NodeId, Say)>,
    run: Option<Task<Result<(), RunError>>>,
}

impl Node {
    /// A node on loopback, at a port the system chooses.
    async fn new(name: &'static str, settings: Settings, protocols: ProtocolSet) -> Result<Self, Box<dyn Error>> {
        let listen: NodeUrl = "tls://127.0.0.1:0".parse()?;
        let settings = Settings { name: name.to_owned(), listen: vec![listen], ..settings };
        let (sender, lines) = smol::channel::bounded(16);
        let p2p = P2p::builder(settings).protocols(protocols).state(sender).build().await?;
        Ok(Self { name, p2p, lines, heard: Vec::new(), run: None })
    }

    async fn start(&mut self, ex: &Arc<Executor<'static>>) -> Outcome {
        self.p2p.clone().start(ex.clone()).await?;
        self.run = Some(ex.spawn(self.p2p.clone().run(ex.clone())));
        Ok(())
    }

    /// Starts, waits until the others are found, says a line, and listens until each of them has said one.
    async fn talk(&mut self, ex: &Arc<Executor<'static>>) -> Outcome {
        let others = NAMES.len() - 1;
        // ANCHOR: find
        let mut events = self.p2p.subscribe_events();
        self.start(ex).await?;
        while chatting(&self.p2p).len() < others {
            events.next().await.ok_or("the node stopped")?;
        }
        // ANCHOR_END: find
        let everybody = Recipients::Some(chatting(&self.p2p).into_keys().collect());
        for (_, sent) in self.p2p.broadcast_to(&everybody, &self.line()).await {
            sent?;
        }
        while self.heard.len() < others {
            let (from, say) = self.lines.recv().await?;
            let listener = Person { name: self.name, id: self.p2p.id() };
            println!("{listener} heard {}", Line { from, say: &say });
            self.heard.push((from, say));
        }
        Ok(())
    }

    fn line(&self) -> Say {
        Say { name: self.name.to_owned(), text: format!("hello, {} is here", self.name) }
    }

    /// What of `lines` did not come from whom it should.
    fn missing(&self, lines: &[(NodeId, Say)]) -> Vec<String> {
        let others = lines.iter().filter(|(from, _)| *from != self.p2p.id());
        let missing = others.filter(|line| !self.heard.contains(line));
        missing.map(|(from, say)| format!("{} did not hear {}", self.name, Line { from: *from, say })).collect()
    }

    async fn stop(self) -> Result<(), RunError> {
        self.p2p.stop().await;
        match self.run {
            Some(run) => run.await,
            None => Ok(()),
        }
    }
}
