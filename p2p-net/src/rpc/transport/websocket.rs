//! Messages over WebSocket, one a frame of text, at both ends.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use async_tungstenite::tungstenite::handshake::derive_accept_key;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use async_tungstenite::tungstenite::{Error, Message};
use async_tungstenite::{WebSocketReceiver, WebSocketSender, WebSocketStream};
use futures::StreamExt;
use smol::net::TcpStream;

use super::progress::{Counted, Progress};
use super::{Incoming, Outgoing, Received};

/// What answers the key of a caller that wants to speak WebSocket.
pub(crate) fn accept(key: &[u8]) -> String {
    derive_accept_key(key)
}

pub(crate) struct WebSocketIn {
    receiver: WebSocketReceiver<Counted<TcpStream>>,
    close: Close,
    ended: bool,
}

pub(crate) struct WebSocketOut {
    sender: WebSocketSender<Counted<TcpStream>>,
    close: Close,
    /// The socket underneath, for its end.
    socket: Counted<TcpStream>,
}

/// What the other end is told at the end.
type Close = Arc<Mutex<Option<CloseFrame>>>;

/// The server's end of a connection whose caller has been answered; `read` is what it has sent since.
pub(crate) async fn serve(stream: Counted<TcpStream>, read: Vec<u8>, most: usize) -> (WebSocketIn, WebSocketOut) {
    split(WebSocketStream::from_partially_read(stream, read, Role::Server, Some(config(most))).await)
}

/// Messages of at most `most` bytes.
pub(crate) fn config(most: usize) -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(most)).max_frame_size(Some(most))
}

/// The two directions.
pub(crate) fn split(stream: WebSocketStream<Counted<TcpStream>>) -> (WebSocketIn, WebSocketOut) {
    let socket = stream.get_ref().clone();
    let (sender, receiver) = stream.split();
    let close = Close::default();
    (WebSocketIn { receiver, close: close.clone(), ended: false }, WebSocketOut { sender, close, socket })
}

impl WebSocketIn {
    /// Nothing more is read; the other end is told why.
    fn end(&mut self, code: CloseCode, reason: &'static str) {
        self.ended = true;
        *self.close.lock().unwrap_or_else(PoisonError::into_inner) = Some(CloseFrame { code, reason: reason.into() });
    }
}

impl Incoming for WebSocketIn {
    async fn next(&mut self) -> io::Result<Option<Received>> {
        while !self.ended {
            match self.receiver.next().await {
                Some(Ok(Message::Text(text))) => return Ok(Some(Received::Message(text.as_bytes().to_vec()))),
                Some(Ok(Message::Binary(bytes))) => return Ok(Some(Received::Message(bytes.to_vec()))),
                // Pings are answered underneath.
                Some(Ok(_)) => {}
                Some(Err(Error::Capacity(_))) => {
                    self.end(CloseCode::Size, "a message is too long");
                    return Ok(Some(Received::TooLong));
                }
                Some(Err(Error::Utf8(_))) => self.end(CloseCode::Invalid, "a text is not UTF-8"),
                Some(Err(Error::Protocol(_))) => self.end(CloseCode::Protocol, "this is no WebSocket"),
                Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) | None => self.ended = true,
                Some(Err(Error::Io(error))) => return Err(error),
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
        Ok(None)
    }
}

impl Outgoing for WebSocketOut {
    async fn send(&mut self, message: Vec<u8>) -> io::Result<()> {
        let text = String::from_utf8(message).map_err(io::Error::other)?;
        self.sender.send(Message::text(text)).await.map_err(|error| match error {
            Error::Io(error) => error,
            other => io::Error::other(other),
        })
    }

    fn progress(&self) -> Progress {
        self.socket.progress()
    }

    async fn finish(&mut self) {
        let frame = self.close.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The other end may be gone; then there is nobody to tell.
        let _ = self.sender.close(frame).await;
        super::drain(&mut self.socket).await;
    }
}
