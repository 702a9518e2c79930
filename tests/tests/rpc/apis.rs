//! The APIs of these tests, and a server of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::{StreamExt, stream};
use p2p_net::prelude::*;
use p2p_net::rpc::{Apis, HttpSettings, IpcSettings, RpcError, RpcSettings, Server, TcpSettings};
use p2p_tests::folder::Folder;
use smol::Executor;

/// An API with one of everything.
#[derive(Default)]
pub(crate) struct Foo {
    /// How often `count` was called.
    pub(crate) counted: AtomicU64,
}

/// Answers with a structure.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) x: i64,
    pub(crate) y: i64,
}

#[rpc(namespace = "foo", version = "2.1")]
impl Foo {
    /// Says hello.
    pub(crate) async fn hello_world(&self) -> String {
        "foobar".to_owned()
    }

    /// Takes `subtrahend` from `minuend`.
    async fn subtract(&self, minuend: i64, subtrahend: i64) -> i64 {
        minuend - subtrahend
    }

    /// Says all that it is given.
    async fn say(&self, text: String, how_often: Option<usize>, mark: Option<char>) -> Result<String> {
        let mut said = text.repeat(how_often.unwrap_or(1));
        said.extend(mark);
        if said.is_empty() {
            return Err(Error::msg("nothing to say"));
        }
        Ok(said)
    }

    /// Fails with a code of its own.
    async fn refuse(&self, code: i64) -> Result<(), RpcError> {
        Err(RpcError::new(code, "on purpose").with_data(vec![1, 2].into()))
    }

    async fn count(&self) -> u64 {
        self.counted.fetch_add(1, Ordering::Relaxed) + 1
    }

    async fn mirror(&self, point: Point) -> Point {
        Point { x: point.y, y: point.x }
    }

    async fn panics(&self, why: String) -> u8 {
        panic!("{why}")
    }

    async fn never(&self) {
        std::future::pending().await
    }

    async fn megabytes(&self, many: usize) -> String {
        "x".repeat(many << 20)
    }

    async fn no_json(&self) -> BTreeMap<Vec<u8>, u8> {
        BTreeMap::from([(vec![1], 1)])
    }

    #[rpc(name = "other_name")]
    async fn renamed(&self) -> bool {
        true
    }

    #[rpc(skip)]
    pub(crate) fn left_out(&self) -> u64 {
        self.counted.load(Ordering::Relaxed)
    }

    /// The numbers up to `last`.
    fn numbers(&self, last: u64) -> impl Stream<Item = u64> {
        stream::iter(1..=last)
    }

    /// The numbers from `first`, for ever; borrows the API.
    async fn endless(&self, first: u64) -> Result<impl Stream<Item = u64>> {
        if first == 0 {
            return Err(Error::msg("there is no zeroth"));
        }
        Ok(stream::iter(first..).then(async |number| {
            self.counted.fetch_add(1, Ordering::Relaxed);
            number
        }))
    }

    fn breaks(&self) -> impl Stream<Item = u64> {
        stream::iter(0..3).map(|number| if number == 2 { panic!("a stream, on purpose") } else { number })
    }

    fn silent(&self) -> impl Stream<Item = u64> {
        stream::pending()
    }
}

/// A second API, for allow-lists.
pub(crate) struct Bar;

#[rpc(namespace = "bar")]
impl Bar {
    async fn answer(&self) -> u8 {
        84
    }
}

pub(crate) fn apis() -> Apis {
    Apis::new().with(Foo::default()).unwrap().with(Bar).unwrap()
}

/// Runs `test` on one thread.
pub(crate) fn run<F: Future>(test: impl FnOnce(Arc<Executor<'static>>) -> F) -> F::Output {
    let ex = Arc::new(Executor::new());
    smol::block_on(ex.run(test(ex.clone())))
}

/// Where the socket of a test's server is.
pub(crate) fn socket(folder: &Folder) -> PathBuf {
    folder.file("node.ipc")
}

/// Everything on, at free ports.
pub(crate) fn everything(folder: &Folder) -> RpcSettings {
    RpcSettings {
        ipc: Some(IpcSettings::at(socket(folder))),
        tcp: Some(TcpSettings::offering(["*"])),
        http: Some(HttpSettings::offering(["*"])),
        websocket: Some(HttpSettings::offering(["*"])),
        ..RpcSettings::default()
    }
}

/// The address of every transport of `server` that a client can connect to.
pub(crate) fn addresses(server: &Server) -> Vec<String> {
    vec![
        server.ipc().unwrap().to_str().unwrap().to_owned(),
        format!("tcp://{}", server.tcp().unwrap()),
        format!("http://{}", server.http().unwrap()),
        format!("ws://{}", server.websocket().unwrap()),
    ]
}
