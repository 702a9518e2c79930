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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;
    use smol::Executor;

    use super::*;
    use crate::clock::Clock;
    use crate::rpc::connection::serve;
    use crate::rpc::dispatch::Dispatch;
    use crate::rpc::{Apis, RpcLimits, code};
    use crate::signal::Signal;

    struct Foo;

    #[crate::rpc(namespace = "foo", crate = crate)]
    impl Foo {
        async fn say(&self, text: String) -> String {
            text
        }
    }

    #[test]
    fn wrong_messages_get_their_code_and_the_connection_stays() {
        let call =
            |params: &str| format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"foo_say\",\"params\":{params}}}");
        let other = |field: &str| call("[]").replace("\"foo_say\"", field);
        let limits = RpcLimits { batch: 3, depth: 8, ..RpcLimits::default() };
        let dispatch = Dispatch { apis: Apis::new().with(Foo).unwrap(), limits, clock: Clock::real() };
        let (((mut incoming, mut outgoing), (from, to)), ex) = (pair(), Arc::new(Executor::new()));
        let served = ex.spawn(serve(Arc::new(dispatch), ex.clone(), Signal::default(), from, to));
        smol::block_on(ex.run(async {
            for (message, code) in [
                ("hello".to_owned(), code::PARSE),
                (call("[")[..20].to_owned(), code::PARSE),
                ("7".to_owned(), code::INVALID_REQUEST),
                ("{}".to_owned(), code::INVALID_REQUEST),
                ("[]".to_owned(), code::INVALID_REQUEST),
                (call("7"), code::INVALID_REQUEST),
                (call("[]").replace("2.0", "1.0"), code::INVALID_REQUEST),
                (other("7"), code::INVALID_REQUEST),
                (other("\"foo_nothing\""), code::METHOD_NOT_FOUND),
                (other("\"nothing_atAll\""), code::METHOD_NOT_FOUND),
                (call("[]"), code::INVALID_PARAMS),
                (call("[7]"), code::INVALID_PARAMS),
                (call("[[[[[[[[]]]]]]]]"), code::LIMIT_EXCEEDED),
                (format!("[{}]", [call("[]"), call("[]"), call("[]"), call("[]")].join(",")), code::LIMIT_EXCEEDED),
            ] {
                outgoing.send(message.clone().into_bytes()).await.unwrap();
                let Some(Received::Message(answer)) = incoming.next().await.unwrap() else { panic!("{message}") };
                let answer: Value = serde_json::from_slice(&answer).unwrap();
                assert_eq!(answer["error"]["code"], code, "{message}: {answer}");
            }
            outgoing.send(b"\xff".to_vec()).await.unwrap();
            outgoing.send(call("[\"ho\"]").into_bytes()).await.unwrap();
            for expected in ["not UTF-8", "\"result\":\"ho\""] {
                let Some(Received::Message(answer)) = incoming.next().await.unwrap() else { panic!("{expected}") };
                assert!(String::from_utf8(answer).unwrap().contains(expected));
            }
            drop((incoming, outgoing));
            served.await;
        }));
    }
}
