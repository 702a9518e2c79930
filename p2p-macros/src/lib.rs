//! The annotations of `p2p-net`: `#[derive(Message)]`, `#[derive(Schema)]`, `#[protocol]`, `#[rpc]`
//! and `#[service]`.
//!
//! `p2p-net` re-exports all of them; nobody names this crate. Each annotation is read in three steps: `parse` turns
//! tokens into what the author wrote, `model` into what is valid, `expand` into code. The code names only
//! `p2p_net::__private`; it holds no logic of its own beyond which function is called with which arguments.
//!
//! Nothing here guesses: what is not understood is an error on the author's own token, and several mistakes are
//! reported together.

use proc_macro::TokenStream;

mod annotated;
mod case;
mod docs;
mod keys;
mod message;
mod method;
mod mistakes;
mod outside;
mod protocol;
mod rpc;
mod schema;
mod service;
mod sessions;
#[cfg(test)]
mod snapshots;
mod spans;
#[cfg(test)]
mod tests;
mod types;

/// Makes a struct or an enum a message: a type that travels over a channel in a lane of its own.
///
/// The type also derives serde's `Serialize` and `Deserialize`. Every field's type has a [`Schema`](macro@Schema).
///
/// | `#[message(..)]` on the type | default | meaning |
/// |---|---|---|
/// | `name = "say"` | the type's name in snake case | the name on the wire |
/// | `max_bytes = 4096` | 65,531: one frame | the most bytes one encoded message may have; a constant expression |
/// | `window = 1 << 20` | 1 MiB | bytes of this type that may be under way or unread |
/// | `reply = Pong` | none | the message that answers it |
/// | `stream = Row` | none | the message that answers it, any number of times |
/// | `rate = "100/10s"` | none | how often a peer may send it, and how many at once; more ends the channel |
/// | `priority = high` | `normal` | small messages of this type leave ahead of those that have queued up |
/// | `crate = ::p2p_net` | `::p2p_net` | where the core is, if it was renamed |
///
/// | `#[message(..)]` on a field | meaning |
/// |---|---|
/// | `opaque = "uuid-1"` | the field's type is foreign; its author vouches for its encoding by this name and version |
///
/// Doc comments on the type, its fields and variants are kept for the program's manifest; they are no part of the fingerprint.
///
/// A message is decoded within eight times its bytes and 64 KiB of memory, and one that would take more is not sent. In a foreign
/// field, or one with serde's `with` or `from`, nobody sees how large the parts are and which have a box of their own: there,
/// and there alone, every value is counted as if it had one and every list as if it were a hash table, so that less fits.
///
/// ```
/// use p2p_net::prelude::*;
///
/// #[derive(Message, Serialize, Deserialize)]
/// #[message(name = "find", max_bytes = 256, window = 1 << 16, rate = "100/10s", priority = high, reply = Found)]
/// struct Find {
///     key: String,
/// }
///
/// #[derive(Message, Serialize, Deserialize)]
/// struct Found(Option<Bytes>);
///
/// assert_eq!((Find::NAME, Find::MAX_BYTES, Found::NAME), ("find", 256, "found"));
/// ```
#[proc_macro_derive(Message, attributes(message))]
pub fn derive_message(input: TokenStream) -> TokenStream {
    message::derive(input.into()).into()
}

/// Makes the encoding of a type known as data, so that it can be a field of a message.
///
/// Type parameters are allowed where they have a schema themselves. Fields take `#[message(opaque = "name-and-version")]`,
/// the type takes `#[message(crate = path)]`.
///
/// ```
/// use p2p_net::prelude::*;
///
/// #[derive(Schema, Serialize, Deserialize)]
/// struct Point {
///     x: i32,
///     y: i32,
/// }
///
/// #[derive(Message, Serialize, Deserialize)]
/// struct Path(Vec<Point>);
/// ```
#[proc_macro_derive(Schema, attributes(message))]
pub fn derive_schema(input: TokenStream) -> TokenStream {
    schema::derive(input.into()).into()
}

/// Makes an inherent impl, or one `async fn`, a protocol: linking the crate makes it part of the node.
///
/// | argument | default | meaning |
/// |---|---|---|
/// | `sessions = !SEED` | `ALL` | on whose channels it runs: `INBOUND`, `OUTBOUND`, `MANUAL`, `SEED`, `RELAYED`, constants, and `!` `\|` `&` `-` `^` |
/// | `name = "chat"` | the type's or function's name in snake case | the name on the wire |
/// | `version = 2` | 1 | both ends run the highest they share |
/// | `phase = handshake` | `main` | before all others and to its end, or for the channel's life |
/// | `scope = node` | `channel` | one instance for the whole node, or one for every channel |
/// | `config = Limits` | none | a type with `Default` and `Clone` that a set of protocols can change; taken as `Config<Limits>` |
/// | `config = Self` | none | the protocol is its own config: an instance is a copy of what the set says, unless `init` makes it |
/// | `crate = ::p2p_net` | `::p2p_net` | where the core is, if it was renamed |
///
/// With `scope = node` the instance is made when the node starts, before it listens; its jobs start when it listens, run once
/// and until the node stops; its handlers run for several channels at once. `init`, jobs and what stops have no channel.
///
/// In the impl, `fn init` or `async fn init` makes the instance (without it the type's `Default` does), each `#[on]` method
/// handles one message, each `#[job]` method runs for as long as it likes, each `#[every("30s")]` method runs at that interval,
/// each `#[stop]` method runs when the channel has ended. All other methods are left alone. Doc comments on the impl, or on the
/// function, are kept for the program's manifest.
///
/// ```
/// use p2p_net::{prelude::*, testing};
///
/// #[derive(Message, Serialize, Deserialize)]
/// #[message(max_bytes = 64, reply = Echo)]
/// struct Shout(String);
///
/// #[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
/// #[message(max_bytes = 64)]
/// struct Echo(String);
///
/// #[protocol(sessions = !SEED, version = 2)]
/// async fn valley(Shout(text): Shout) -> Echo {
///     Echo(text)
/// }
///
/// testing::pair().with::<valley>().run(async |[alice, bob]| {
///     assert_eq!(alice.to(&bob).request(Shout("hey".to_owned())).await, Ok(Echo("hey".to_owned())));
/// });
/// ```
#[proc_macro_attribute]
pub fn protocol(arguments: TokenStream, item: TokenStream) -> TokenStream {
    protocol::annotate(arguments.into(), item.into()).into()
}

/// Marks a method of an impl under `#[protocol]` as the handler of the message it takes.
///
/// The method is `async`, takes `&self`, exactly one message by value, and any extractors, in any order. It returns `()`
/// or `Result<()>`; for a message with a reply, the reply or a `Result` of it; for a message with a stream, `impl Stream` of
/// its rows or of a `Result` of them, which may borrow `&self` and `&Channel` and runs in a task of its own.
///
/// ```
/// use p2p_net::prelude::*;
/// # #[derive(Message, Serialize, Deserialize)] struct Say { text: String }
///
/// #[derive(Default)]
/// struct Chat;
///
/// #[protocol(sessions = !SEED)]
/// impl Chat {
///     #[on]
///     async fn say(&self, say: Say, from: NodeId) -> Result<()> {
///         log::info!("{}: {}", from.short(), say.text);
///         Ok(())
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn on(_: TokenStream, item: TokenStream) -> TokenStream {
    outside::explain("on", "`#[protocol]`", item.into()).into()
}

/// Marks a method of an impl under `#[protocol]` as a job: it starts with the protocol on every channel.
///
/// The method is `async`, takes `&self` and any extractors, and returns `()` or `Result<()>`. It ends by itself or with
/// the channel; an error ends the channel. With `scope = node` it runs once, from the node's start to its stop, and an error
/// is logged.
///
/// ```
/// use p2p_net::prelude::*;
/// # #[derive(Message, Serialize, Deserialize)] struct Say { text: String }
///
/// #[derive(Default)]
/// struct Chat;
///
/// #[protocol(sessions = !SEED)]
/// impl Chat {
///     #[job]
///     async fn greet(&self, channel: &Channel) -> Result<()> {
///         Ok(channel.send(&Say { text: "hello".to_owned() }).await?)
///     }
/// #
/// #     #[on]
/// #     async fn say(&self, _say: Say) {}
/// }
/// ```
#[proc_macro_attribute]
pub fn job(_: TokenStream, item: TokenStream) -> TokenStream {
    outside::explain("job", "`#[protocol]`", item.into()).into()
}

/// Marks a method of an impl under `#[protocol]` as a job that runs at an interval: `#[every("30s")]`.
///
/// The interval is a text, or a constant that is one: a whole number and a unit, `ms`, `s`, `m` or `h`. Or it is an
/// expression of a `Duration`, `#[every(self.interval)]`, which sees `self` and the method's arguments and is evaluated
/// once, when the protocol starts; an interval of nothing is then logged as an error, and the job does not run.
///
/// The job first runs after one interval, on the node's clock, one run after the other: one that takes longer delays the
/// next, and what was missed is not made up for. Otherwise it is as a [`job`](macro@job), except that a visit to a seed does not wait for it.
///
/// ```
/// use p2p_net::prelude::*;
/// # #[derive(Message, Serialize, Deserialize)] struct Say { text: String }
///
/// #[derive(Default)]
/// struct Chat;
///
/// #[protocol(sessions = !SEED)]
/// impl Chat {
///     #[every("30s")]
///     async fn still_here(&self, channel: &Channel) -> Result<()> {
///         Ok(channel.send(&Say { text: "still here".to_owned() }).await?)
///     }
/// #
/// #     #[on]
/// #     async fn say(&self, _say: Say) {}
/// }
/// ```
#[proc_macro_attribute]
pub fn every(_: TokenStream, item: TokenStream) -> TokenStream {
    outside::explain("every", "`#[protocol]`", item.into()).into()
}

/// Marks a method of an impl under `#[protocol]` to run when the channel has ended and all other work of the protocol on
/// it is gone, whatever ended it.
///
/// The method is `async`, takes `&self` and any extractors, and returns `()` or `Result<()>`. Nothing can be sent any more.
/// It has the setting `limits.close_linger`; then it is dropped. An error or a panic in it is logged and changes nothing.
/// With `scope = node` it runs once, when the node stops and all channels are gone.
///
/// Under [`#[service]`](macro@service) it runs when the node stops, if the service had started: after its APIs are called for
/// the last time, and before the peers are told.
///
/// ```
/// use p2p_net::prelude::*;
/// # #[derive(Message, Serialize, Deserialize)] struct Say { text: String }
///
/// #[derive(Default)]
/// struct Chat;
///
/// #[protocol(sessions = !SEED)]
/// impl Chat {
///     #[stop]
///     async fn bye(&self, peer: NodeId) {
///         log::info!("{} is gone", peer.short());
///     }
/// #
/// #     #[on]
/// #     async fn say(&self, _say: Say) {}
/// }
/// ```
#[proc_macro_attribute]
pub fn stop(_: TokenStream, item: TokenStream) -> TokenStream {
    outside::explain("stop", "`#[protocol]` or `#[service]`", item.into()).into()
}

/// Makes an inherent impl an API: a namespace of methods that other processes call by JSON-RPC (feature `rpc` of the core).
///
/// | argument | default | meaning |
/// |---|---|---|
/// | `namespace = "chat"` | required | what its methods' names begin with: letters and digits |
/// | `version = "1.0"` | `1.0` | what `rpc_modules` says of it |
/// | `client = ChatClient` | the type's name and `Client` | the name of the typed client |
/// | `crate = ::p2p_net` | `::p2p_net` | where the core is, if it was renamed |
///
/// Every `async fn` that takes `&self` is a method: `send_message` is `chat_sendMessage` to callers, who give arguments in order
/// or by name (`peer_id` is `peerId`); an `Option` may be left out. Arguments, and what it returns, are types of serde's. It
/// returns a value or a `Result` of it: an `RpcError` keeps its code, any other error becomes a text.
///
/// A method that returns `impl Stream<Item = T>`, or a `Result` of it, is a subscription: `chat_subscribe` with its name as
/// the first argument. It may borrow `&self`, and need not be async.
///
/// | mark on a method | meaning |
/// |---|---|
/// | `#[rpc(name = "say")]` | its name to callers, without the namespace |
/// | `#[rpc(skip)]` | it is no method of the API |
///
/// What takes no `self` is left alone. Doc comments are kept for `rpc.discover`. An API gets at its node by its own fields.
///
/// Beside the impl stands a typed client with the same methods: `ChatClient::from(client)`.
///
/// ```
/// # use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
/// use futures::{StreamExt, stream};
/// use p2p_net::prelude::*;
/// use p2p_net::rpc::{Apis, RpcSettings, Server};
///
/// #[derive(Default)]
/// struct Counter {
///     now: AtomicU64,
/// }
///
/// #[rpc(namespace = "counter")]
/// impl Counter {
///     /// Adds `by`, or 1.
///     async fn count(&self, by: Option<u64>) -> Result<u64> {
///         let by = by.unwrap_or(1);
///         Ok(self.now.fetch_add(by, Ordering::Relaxed) + by)
///     }
///
///     /// The numbers up to now.
///     fn numbers(&self) -> impl Stream<Item = u64> {
///         stream::iter(1..=self.now.load(Ordering::Relaxed))
///     }
/// }
///
/// # let ex = Arc::new(smol::Executor::new());
/// # smol::block_on(ex.run(async {
/// let server = Server::start(Apis::new().with(Counter::default())?, RpcSettings::default(), &ex).await?;
/// let counter = CounterClient::from(server.client());
/// assert_eq!((counter.count(None).await?, counter.count(Some(2)).await?), (1, 3));
/// let numbers: Vec<_> = counter.numbers().await?.map(Result::unwrap).collect().await;
/// assert_eq!(numbers, [1, 2, 3]);
/// # Ok::<_, Box<dyn std::error::Error>>(()) }))?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[proc_macro_attribute]
pub fn rpc(arguments: TokenStream, item: TokenStream) -> TokenStream {
    rpc::annotate(arguments.into(), item.into()).into()
}

/// Makes an inherent impl a service: protocols, APIs and a life, as one part of a node (feature `service` of the core).
///
/// | argument | default | meaning |
/// |---|---|---|
/// | `protocols = [Chat, ..]` | none | the protocols it brings; a node without this service does not run them, though they are linked |
/// | `name = "chat"` | the type's name in snake case | its name in errors and logs |
/// | `crate = ::p2p_net` | `::p2p_net` | where the core is, if it was renamed |
///
/// The application makes the value: `Node::builder(settings).service(Chat::default())`. From then on it is a state of the
/// node: protocols, APIs and other services take it as `State<Chat>`.
///
/// | mark on a method | meaning |
/// |---|---|
/// | `#[api]` | it makes an API: a type with [`#[rpc]`](macro@rpc), or a `Result` of it; called once, when the node is made |
/// | `#[start]` | it runs when the network listens, and before peers connect; an error keeps the node from starting |
/// | [`#[stop]`](macro@stop) | it runs when the node stops, for at most `services.stop_timeout` |
///
/// All of them take `&self` and any extractors that need no channel; one more that is of use here is `Node`. Services start
/// in the order they were given, and stop in the reverse. All other methods are left alone.
///
/// ```
/// use p2p_net::prelude::*;
/// use p2p_net::service::Node;
/// # use p2p_net::ProtocolSet;
/// # use std::sync::atomic::{AtomicU64, Ordering};
///
/// #[derive(Default)]
/// struct Shelf {
///     places: AtomicU64,
/// }
///
/// struct Places(State<Shelf>);
///
/// #[rpc(namespace = "shelf")]
/// impl Places {
///     async fn places(&self) -> u64 {
///         self.0.places.load(Ordering::Relaxed)
///     }
/// }
///
/// #[service]
/// impl Shelf {
///     #[api]
///     fn api(&self, shelf: State<Shelf>) -> Places {
///         Places(shelf)
///     }
///
///     #[start]
///     async fn begin(&self) -> Result<()> {
///         self.places.store(42, Ordering::Relaxed);
///         Ok(())
///     }
///
///     #[stop]
///     async fn end(&self) {
///         log::info!("the shelf is closed");
///     }
/// }
///
/// # let ex = std::sync::Arc::new(smol::Executor::new());
/// # smol::block_on(ex.run(async {
/// let node = Node::builder(Settings::default()).service(Shelf::default());
/// # let node = node.protocols(ProtocolSet::empty()).with_p2p(|p2p| p2p.without_handshake());
/// let node = node.build().await?;
/// node.start(&ex).await?;
/// assert_eq!(PlacesClient::from(node.attach()?).places().await?, 42);
/// node.stop().await?;
/// # Ok::<_, Box<dyn std::error::Error>>(()) }))?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[proc_macro_attribute]
pub fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    service::annotate(arguments.into(), item.into()).into()
}

/// Marks a method of an impl under [`#[service]`](macro@service) that makes an API.
///
/// It takes `&self` and any extractors that need no channel, is not async, and returns a type with [`#[rpc]`](macro@rpc), an
/// `Arc` or a `State` of it, or a `Result` of one. It is called once, when the node is made: then the node has its states and its
/// protocols, and runs nothing yet.
///
/// ```
/// use p2p_net::prelude::*;
///
/// #[derive(Default)]
/// struct Clock;
///
/// struct Now(P2pPtr);
///
/// #[rpc(namespace = "clock")]
/// impl Now {
///     async fn peers(&self) -> usize {
///         self.0.peer_count()
///     }
/// }
///
/// #[service]
/// impl Clock {
///     #[api]
///     fn now(&self, p2p: P2pPtr) -> Now {
///         Now(p2p)
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn api(_: TokenStream, item: TokenStream) -> TokenStream {
    outside::explain("api", "`#[service]`", item.into()).into()
}

/// Marks the method of an impl under [`#[service]`](macro@service) that runs when the node starts.
///
/// The method is `async`, takes `&self` and any extractors that need no channel, and returns `()` or `Result<()>`. The network
/// listens by then, and no peer has reached it. An error or a panic keeps the node from starting: services that had started
/// are stopped, this one is not.
///
/// ```
/// use p2p_net::prelude::*;
///
/// #[derive(Default)]
/// struct Greeter;
///
/// #[service]
/// impl Greeter {
///     #[start]
///     async fn begin(&self, p2p: &P2p) -> Result<()> {
///         Ok(log::info!("here I am: {:?}", p2p.advertised()))
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn start(_: TokenStream, item: TokenStream) -> TokenStream {
    outside::explain("start", "`#[service]`", item.into()).into()
}
