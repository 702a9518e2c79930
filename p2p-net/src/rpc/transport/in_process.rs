//! Messages between two parts of one process: a bounded channel each way.

use std::io;

use futures::channel::mpsc::{Receiver, Sender, channel};
use futures::{SinkExt, StreamExt};

use super::{Incoming, Outgoing, Received};

/// Messages that wait in one direction: a few, so that neither side waits for the other's every turn.
const WAITING: usize = 16;

pub(crate) struct From(Receiver<Vec<u8>>);
pub(crate) struct To(Sender<Vec<u8>>);

/// Both ends of a connection.
pub(crate) fn pair() -> ((From, To), (From, To)) {
    let ((a_to, b_from), (b_to, a_from)) = (channel(WAITING), channel(WAITING));
    ((From(a_from), To(a_to)), (From(b_from), To(b_to)))
}

impl Incoming for From {
    async fn next(&mut self) -> io::Result<Option<Received>> {
        Ok(self.0.next().await.map(Received::Message))
    }
}

impl Outgoing for To {
    async fn send(&mut self, message: Vec<u8>) -> io::Result<()> {
        self.0.send(message).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
