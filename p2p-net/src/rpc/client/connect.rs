//! Reaching a server: by the path of its socket or by a URL.

use std::sync::Arc;

use async_tungstenite::client_async_with_config;
use async_tungstenite::tungstenite::client::IntoClientRequest;
use async_tungstenite::tungstenite::http::HeaderValue;
use smol::Executor;
use smol::net::TcpStream;

use super::super::transport::keepalive::keep_alive;
use super::super::transport::progress::Counted;
use super::super::transport::{lines, websocket};
use super::error::CallError;
use super::http::Endpoint;
use super::{Client, LONGEST_ANSWER};
use crate::clock::Clock;

impl Client {
    /// Connects to a server: `tcp://host:port`, `http://host:port`, `ws://host:port`, or the path of a Unix socket, with
    /// `unix:` before it or without. `executor` runs what reads the answers.
    ///
    /// Over HTTP nothing is connected yet: each call is a connection of its own.
    ///
    /// # Errors
    ///
    /// [`CallError::Connect`] when the address is none, nobody is there, or the server does not let this client in.
    ///
    /// # Cancel safety
    ///
    /// When dropped, there is no connection.
    pub async fn connect(executor: &Arc<Executor<'static>>, address: &str) -> Result<Self, CallError> {
        Self::connect_with_token(executor, address, None).await
    }

    /// The same with a bearer token, for HTTP and WebSocket.
    ///
    /// # Errors
    ///
    /// As those of [`connect`](Self::connect).
    ///
    /// # Cancel safety
    ///
    /// When dropped, there is no connection.
    pub async fn connect_with_token(
        executor: &Arc<Executor<'static>>,
        address: &str,
        token: Option<&str>,
    ) -> Result<Self, CallError> {
        let failed = |problem: String| CallError::Connect { address: address.to_owned(), problem };
        match address.split_once("://") {
            Some(("tcp", place)) => {
                let stream = dial(place).await.map_err(failed)?;
                let (incoming, outgoing) = lines::split(stream, LONGEST_ANSWER);
                Ok(Self::over(executor, Clock::real(), incoming, outgoing))
            }
            Some(("http", place)) => {
                let endpoint = Endpoint::new(place, token).map_err(failed)?;
                Ok(Self::by_post(endpoint))
            }
            Some(("ws", place)) => {
                let (incoming, outgoing) = upgrade(address, place, token).await.map_err(failed)?;
                Ok(Self::over(executor, Clock::real(), incoming, outgoing))
            }
            Some(("https" | "wss", _)) => Err(failed("there is no TLS here: use a tunnel, or a proxy".to_owned())),
            Some((scheme, _)) => {
                Err(failed(format!("`{scheme}` is not spoken here: use tcp, http, ws, or the path of a socket")))
            }
            None => unix(executor, address.strip_prefix("unix:").unwrap_or(address)).await.map_err(failed),
        }
    }
}

#[cfg(unix)]
async fn unix(executor: &Arc<Executor<'static>>, path: &str) -> Result<Client, String> {
    let stream = smol::net::unix::UnixStream::connect(path).await.map_err(|error| error.to_string())?;
    let (incoming, outgoing) = lines::split(stream, LONGEST_ANSWER);
    Ok(Client::over(executor, Clock::real(), incoming, outgoing))
}

#[cfg(not(unix))]
async fn unix(_: &Arc<Executor<'static>>, _: &str) -> Result<Client, String> {
    Err("this system has no Unix sockets: use tcp".to_owned())
}

/// Connects to `host:port`, or `host:port/path`.
pub(super) async fn dial(place: &str) -> Result<TcpStream, String> {
    let authority = place.split_once('/').map_or(place, |(authority, _)| authority);
    let stream = TcpStream::connect(authority).await.map_err(|error| error.to_string())?;
    stream.set_nodelay(true).and_then(|()| keep_alive(&stream)).map_err(|error| error.to_string())?;
    Ok(stream)
}

async fn upgrade(
    url: &str,
    place: &str,
    token: Option<&str>,
) -> Result<(websocket::WebSocketIn, websocket::WebSocketOut), String> {
    let mut request = url.into_client_request().map_err(|error| error.to_string())?;
    if let Some(token) = token {
        let value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|error| error.to_string())?;
        request.headers_mut().insert("Authorization", value);
    }
    let stream = Counted::new(dial(place).await?);
    let (stream, _) = client_async_with_config(request, stream, Some(websocket::config(LONGEST_ANSWER)))
        .await
        .map_err(|error| error.to_string())?;
    Ok(websocket::split(stream))
}
