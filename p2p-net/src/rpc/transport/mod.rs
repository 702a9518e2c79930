//! How messages come and go: each transport turns a socket into whole messages, and knows nothing of what is in them.

pub(crate) mod in_process;
pub(crate) mod keepalive;
pub(crate) mod lines;
pub(crate) mod progress;
mod splitter;
#[cfg(unix)]
pub(crate) mod unix;
pub(crate) mod websocket;

use std::future::Future;
use std::io;

use progress::Progress;
use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What came in.
#[derive(Debug)]
pub(crate) enum Received {
    /// A whole message.
    Message(Vec<u8>),
    /// A message of more bytes than are taken; it has been skipped.
    TooLong,
}

/// The incoming half of a connection.
pub(crate) trait Incoming: Send + 'static {
    /// The next message; `None` when the other end is done.
    fn next(&mut self) -> impl Future<Output = io::Result<Option<Received>>> + Send;
}

/// The outgoing half of a connection.
pub(crate) trait Outgoing: Send + 'static {
    /// Sends one message.
    fn send(&mut self, message: Vec<u8>) -> impl Future<Output = io::Result<()>> + Send;

    /// How much of it the other end has taken; the default is that nobody knows.
    fn progress(&self) -> Progress {
        Progress::default()
    }

    /// Says that no more will come; the default is that the end of the connection says it.
    fn finish(&mut self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// Says that no more will come, and reads what still does: a socket that is closed with bytes unread takes what was sent last
/// with it. Ends with the other end; whoever calls it sets a time.
pub(crate) async fn drain(socket: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let mut rest = [0; 4_096];
    if socket.close().await.is_ok() {
        while socket.read(&mut rest).await.is_ok_and(|many| many > 0) {}
    }
}
