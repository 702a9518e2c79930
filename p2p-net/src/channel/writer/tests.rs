use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::{io, mem};

use futures::io::AsyncWrite;

use super::pump::QUIET;
use super::{Outgoing, Writes};
use crate::clock::Clock;
use crate::event::Events;
use crate::identity::SecretKey;
use crate::message::MessageSpec;
use crate::message::frame::{self, Kind};
use crate::message::lane::LaneTable;

/// A socket that takes everything.
#[derive(Clone, Default)]
struct Socket(Arc<Mutex<Vec<u8>>>);

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn spec() -> MessageSpec {
    MessageSpec::named("say")
}

/// Stands for the executor's other threads: as soon as the writer task is woken for the first time, another sender leaves a
/// message to it, and it runs.
struct Meanwhile {
    out: Arc<Outgoing>,
    left: Mutex<Option<Vec<u8>>>,
}

impl Wake for Meanwhile {
    fn wake(self: Arc<Self>) {
        let Some(frame) = mem::take(&mut *self.left.lock().unwrap()) else { return };
        let lane = self.out.table.find(spec().id).unwrap();
        self.out.offer(lane, &frame, Writes::Task);
        let _ = self.out.poll_task(&mut Context::from_waker(Waker::noop()));
    }
}

#[test]
fn what_is_left_to_the_task_while_a_sender_ends_its_write_is_written() {
    let (clock, socket) = (Clock::simulated(), Socket::default());
    let table = Arc::new(LaneTable::new([(spec(), false)]).unwrap());
    let (peer, io) = (SecretKey::from_bytes([1; 32]).id(), Box::new(socket.clone()));
    let out = Arc::new(Outgoing::new(peer, clock.clone(), Events::new(16), table.clone(), 4096, io));
    let frame = |payload| frame::of(Kind::Message, spec().id, &[], payload);

    let meanwhile = Arc::new(Meanwhile { out: out.clone(), left: Mutex::new(Some(frame(b"two"))) });
    let _ = out.poll_task(&mut Context::from_waker(&meanwhile.into()));
    let mut quiet = clock.sleep(QUIET);
    assert!(Pin::new(&mut quiet).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(clock.advance(QUIET));
    out.offer(table.find(spec().id).unwrap(), &frame(b"one"), Writes::Sender);

    let written = socket.0.lock().unwrap().clone();
    assert_eq!(written, [frame(b"one"), frame(b"two")].concat());
}
