//! A protocol written without macros: `impl ProtocolBase` and `registry.register`.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;
use p2p_net::message::{Field, Message, MessageSubscription, One, Request, Schema, Shape};
use p2p_net::protocol::{Construct, Context, Handles, Phase, ProtocolBase, ProtocolDescriptor};
use p2p_net::testing::Simulation;
use p2p_net::{Channel, Error, ProtocolSet, Result, SessionFlags, Settings};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Say {
    text: String,
}

impl Schema for Say {
    const SHAPE: Shape = Shape::Struct("Say", &[Field::new("text", &String::SHAPE)]);
}

impl Message for Say {
    const NAME: &'static str = "say";
    const MAX_BYTES: usize = 4096;
    type Answer = One<()>;
}

#[derive(Serialize, Deserialize)]
struct Ask(u32);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Answer(u32);

impl Schema for Ask {
    const SHAPE: Shape = Shape::Struct("Ask", &[Field::new("0", &u32::SHAPE)]);
}

impl Schema for Answer {
    const SHAPE: Shape = Shape::Struct("Answer", &[Field::new("0", &u32::SHAPE)]);
}

impl Message for Ask {
    const NAME: &'static str = "ask";
    const MAX_BYTES: usize = 8;
    type Answer = One<Answer>;
}

impl Message for Answer {
    const NAME: &'static str = "answer";
    const MAX_BYTES: usize = 8;
    type Answer = One<()>;
}

impl Request for Ask {
    type Reply = Answer;
}

static CHAT: ProtocolDescriptor = ProtocolDescriptor {
    name: "chat",
    version: 1,
    sessions: SessionFlags::ALL,
    phase: Phase::Main,
    handlers: &[Handles::message::<Say>(), Handles::message::<Ask>()],
    requires: &[],
    construct: Construct::Channel(|_| async { Err(Error::msg("registered with a constructor")) }.boxed()),
    at: concat!(file!(), ":", line!()),
    module: module_path!(),
    docs: "",
};

type Log = Arc<Mutex<Vec<String>>>;

struct Chat {
    says: Mutex<Option<MessageSubscription<Say>>>,
    log: Log,
}

impl Chat {
    async fn init(channel: Channel, log: Log) -> Result<Arc<dyn ProtocolBase>> {
        let says = channel.subscribe::<Say>()?;
        Ok(Arc::new(Self { says: Mutex::new(Some(says)), log }))
    }
}

impl ProtocolBase for Chat {
    fn name(&self) -> &'static str {
        "chat"
    }

    fn start(self: Arc<Self>, context: Context) -> BoxFuture<'static, Result<()>> {
        async move {
            let channel = context.channel().clone();
            let mut says = self.says.lock().unwrap().take().unwrap();
            context.jobs().serve(async move {
                while let Ok(say) = says.receive().await {
                    self.log.lock().unwrap().push(say.text);
                }
                Ok(())
            });
            context.jobs().spawn(async move {
                channel.send(&Say { text: format!("hello {}", channel.peer_id().short()) }).await?;
                Ok(())
            });
            Ok(())
        }
        .boxed()
    }
}

#[test]
fn a_protocol_written_by_hand_talks() {
    let sim = Simulation::new(1);
    let logs = [Log::default(), Log::default()];
    sim.run(async {
        let mut nodes = Vec::new();
        for (host, log) in ["alice", "bob"].into_iter().zip(logs.clone()) {
            let node = sim.node(host, Settings::default()).protocols(ProtocolSet::empty()).without_handshake();
            let node = node.build().await.unwrap();
            let register = node
                .protocol_registry()
                .register(&CHAT, SessionFlags::ALL, move |channel, _node| Chat::init(channel, log.clone()));
            register.unwrap();
            sim.launch(&node).await;
            nodes.push(node);
        }
        let [alice, bob] = [&nodes[0], &nodes[1]];
        let mut events = bob.subscribe_events();
        assert_eq!(alice.add_peer(&bob.advertised()[0]).await.unwrap(), bob.id());
        events.next().await.unwrap();
        sim.clock().sleep(std::time::Duration::from_secs(1)).await;
        assert_eq!(*logs[0].lock().unwrap(), [format!("hello {}", alice.id().short())]);
        assert_eq!(*logs[1].lock().unwrap(), [format!("hello {}", bob.id().short())]);
        alice.stop().await;
        bob.stop().await;
        assert_eq!((alice.task_count(), bob.task_count()), (0, 0));
    });
    assert_eq!(sim.network().live_connections(), 0);
    while sim.executor().try_tick() {}
    assert!(sim.executor().is_empty());
}
