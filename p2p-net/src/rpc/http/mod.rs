//! HTTP/1.1, as much of it as JSON-RPC needs: one message a POST, pages of a browser let in by name, WebSocket at the same port.

mod access;
mod head;
mod refusal;
mod stream;

use std::io;
use std::sync::Arc;

use smol::Executor;
use smol::net::TcpStream;

pub(crate) use access::Access;
use head::Head;
use refusal::{Refusal, Status};
use stream::{Failed, HttpStream, Response};

use super::connection;
use super::dispatch::Dispatch;
use super::error::RpcError;
use super::settings::RpcLimits;
use super::transport::websocket;
use crate::clock::{Clock, TimedOut};
use crate::signal::Signal;

/// The one path there is.
const PATH: &str = "/";

/// How long a browser may remember what it was told about a page, in seconds: ten minutes.
const PREFLIGHT_AGE: &str = "600";

/// What is offered at a port, to whom.
pub(crate) struct Offer {
    pub(crate) dispatch: Arc<Dispatch>,
    pub(crate) access: Access,
}

/// A port: HTTP, WebSocket, or both.
pub(crate) struct Port {
    pub(crate) http: Option<Offer>,
    pub(crate) websocket: Option<Offer>,
    pub(crate) limits: RpcLimits,
    pub(crate) clock: Clock,
    pub(crate) executor: Arc<Executor<'static>>,
    pub(crate) stop: Signal,
}

/// What comes after a request.
enum Next {
    Request,
    WebSocket,
    End,
}

impl Port {
    /// Serves one connection to its end.
    pub(crate) async fn serve(&self, stream: TcpStream) {
        let mut stream = HttpStream::new(stream);
        match self.stop.unless(self.requests(&mut stream)).await {
            Some(Ok(true)) => self.speak_websocket(stream).await,
            Some(Ok(false)) => {}
            Some(Err(error)) => log::debug!(target: "net", "rpc: a connection of http ended: {error}"),
            None => {}
        }
    }

    /// Tells one caller that there are too many.
    pub(crate) async fn turn_away(&self, stream: TcpStream) {
        let most = self.limits.connections;
        let problem = format!("{most} connections, the most there may be: try again later");
        let refusal = Refusal::over(Status::Unavailable, "connections", most, &problem);
        let mut stream = HttpStream::new(stream);
        let told = self.refuse(&mut stream, refusal, None);
        let _ = self.clock.timeout(self.limits.close_linger, told).await;
    }

    /// Serves requests, one after the other; whether WebSocket follows.
    async fn requests(&self, stream: &mut HttpStream<TcpStream>) -> io::Result<bool> {
        loop {
            let begins = self.clock.timeout(self.limits.idle_timeout, stream.begins()).await;
            let Ok(true) = begins.unwrap_or(Ok(false)) else { return Ok(false) };
            match self.request(stream).await? {
                Next::Request => {}
                Next::WebSocket => return Ok(true),
                Next::End => return Ok(false),
            }
        }
    }

    async fn request(&self, stream: &mut HttpStream<TcpStream>) -> io::Result<Next> {
        let deadline = self.clock.now() + self.limits.read_timeout;
        let head = match self.within(deadline, stream.head()).await {
            Ok(head) => head,
            Err(failed) => return self.end(stream, failed, None).await,
        };
        let upgrades = head.upgrades();
        let (offer, origin) = match self.admit(&head, upgrades) {
            Ok(admitted) => admitted,
            Err(refusal) => return self.end(stream, refusal.into(), None).await,
        };
        let allowed = origin.as_deref();
        if head.method == "OPTIONS" {
            self.send(stream, &preflight(allowed, head.keeps_alive())).await?;
            // A body that nobody asked for would be taken for the next request.
            return Ok(if head.keeps_alive() && head.length().is_err() { Next::Request } else { Next::End });
        }
        if let Err(refusal) = offer.access.check_token(&head) {
            return self.end(stream, refusal.into(), allowed).await;
        }
        if upgrades {
            return match websocket_key(&head) {
                Ok(key) => self.switch(stream, &key).await.map(|()| Next::WebSocket),
                Err(refusal) => self.end(stream, refusal.into(), None).await,
            };
        }
        let body = async {
            check_post(&head)?;
            stream.body(&head, self.limits.body_bytes).await
        };
        let body = match self.within(deadline, body).await {
            Ok(body) => body,
            Err(failed) => return self.end(stream, failed, allowed).await,
        };
        let reply = offer.dispatch.answer(&body, None).await;
        let (status, body) = reply.bytes.map_or((Status::NoContent, Vec::new()), |body| (Status::Ok, body));
        let keeps_alive = head.keeps_alive();
        self.send(stream, &Response { status, headers: allow(allowed), body, keeps_alive }).await?;
        Ok(if keeps_alive { Next::Request } else { Next::End })
    }

    /// What is offered to this caller, and the page that may see the answer.
    fn admit(&self, head: &Head, upgrades: bool) -> Result<(&Offer, Option<String>), Refusal> {
        let wanted = if upgrades { &self.websocket } else { &self.http };
        let offer = wanted.as_ref().ok_or_else(|| match upgrades {
            true => Refusal::new(Status::Forbidden, "WebSocket is not offered at this port"),
            false => {
                Refusal::new(Status::UpgradeRequired, "this port speaks WebSocket alone").with("Upgrade", "websocket")
            }
        })?;
        let origin = offer.access.check(head)?;
        if head.target != PATH {
            return Err(Refusal::new(Status::NotFound, format!("the one path is `{PATH}`")));
        }
        Ok((offer, origin))
    }

    async fn within<T>(
        &self,
        deadline: std::time::Instant,
        work: impl Future<Output = Result<T, Failed>>,
    ) -> Result<T, Failed> {
        let left = deadline.saturating_duration_since(self.clock.now());
        self.clock.timeout(left, work).await.unwrap_or_else(|TimedOut(_)| {
            let limit = self.limits.read_timeout;
            Err(Refusal::new(Status::Timeout, format!("the request did not come within {limit:?}")).into())
        })
    }

    async fn end(&self, stream: &mut HttpStream<TcpStream>, failed: Failed, origin: Option<&str>) -> io::Result<Next> {
        match failed {
            Failed::Io(error) => Err(error),
            Failed::Refused(refusal) => self.refuse(stream, *refusal, origin).await.map(|()| Next::End),
        }
    }

    /// Says why, and closes: what else was sent is not read.
    async fn refuse(
        &self,
        stream: &mut HttpStream<TcpStream>,
        refusal: Refusal,
        origin: Option<&str>,
    ) -> io::Result<()> {
        let mut headers = allow(origin);
        headers.extend(refusal.header.map(|(name, value)| (name, value.to_owned())));
        let body = refused(refusal.error);
        self.send(stream, &Response { status: refusal.status, headers, body, keeps_alive: false }).await?;
        let _ = self.clock.timeout(self.limits.close_linger, stream.close()).await;
        Ok(())
    }

    async fn send(&self, stream: &mut HttpStream<TcpStream>, response: &Response) -> io::Result<()> {
        stream.progress().unless_stalled(&self.clock, self.limits.write_stall, stream.respond(response)).await
    }

    async fn switch(&self, stream: &mut HttpStream<TcpStream>, key: &[u8]) -> io::Result<()> {
        let accept = websocket::accept(key);
        let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
        let answer = format!("{head}Sec-WebSocket-Accept: {accept}\r\n\r\n");
        stream.progress().unless_stalled(&self.clock, self.limits.write_stall, stream.send(answer.as_bytes())).await
    }

    async fn speak_websocket(&self, stream: HttpStream<TcpStream>) {
        let Some(offer) = &self.websocket else { return };
        let (stream, read) = stream.into_parts();
        let (incoming, outgoing) = websocket::serve(stream, read, self.limits.body_bytes).await;
        let (dispatch, executor, stop) = (offer.dispatch.clone(), self.executor.clone(), self.stop.clone());
        connection::serve(dispatch, executor, stop, incoming, outgoing).await;
    }
}

/// The answer to what was no request.
fn refused(error: RpcError) -> Vec<u8> {
    super::wire::response(&super::wire::Id::Null, &Err(error), usize::MAX)
}

/// Lets the page of `origin` see the answer.
fn allow(origin: Option<&str>) -> Vec<(&'static str, String)> {
    let Some(origin) = origin else { return Vec::new() };
    vec![("Access-Control-Allow-Origin", origin.to_owned()), ("Vary", "Origin".to_owned())]
}

/// What a browser asks before a page may call.
fn preflight(origin: Option<&str>, keeps_alive: bool) -> Response {
    let mut headers = allow(origin);
    headers.push(("Allow", "POST, OPTIONS".to_owned()));
    if origin.is_some() {
        headers.push(("Access-Control-Allow-Methods", "POST".to_owned()));
        headers.push(("Access-Control-Allow-Headers", "Content-Type, Authorization".to_owned()));
        headers.push(("Access-Control-Max-Age", PREFLIGHT_AGE.to_owned()));
    }
    Response { status: Status::NoContent, headers, body: Vec::new(), keeps_alive }
}

/// A call is a POST of JSON: what a page may send without asking first is not.
fn check_post(head: &Head) -> Result<(), Refusal> {
    if head.method != "POST" {
        return Err(Refusal::new(Status::MethodNotAllowed, "a call is a POST").with("Allow", "POST, OPTIONS"));
    }
    let kind = head.header("content-type")?.unwrap_or_default();
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let known = ["application/json", "application/json-rpc", "application/jsonrequest"];
    if known.iter().any(|known| kind.eq_ignore_ascii_case(known.as_bytes())) {
        return Ok(());
    }
    Err(Refusal::new(Status::MediaType, "the Content-Type of a call is `application/json`"))
}

/// The key that proves that the server speaks WebSocket.
fn websocket_key(head: &Head) -> Result<Vec<u8>, Refusal> {
    if head.header("sec-websocket-version")? != Some(b"13") {
        let refusal = Refusal::new(Status::UpgradeRequired, "the version of WebSocket is 13");
        return Err(refusal.with("Sec-WebSocket-Version", "13"));
    }
    let key = head.header("sec-websocket-key")?;
    key.map(<[u8]>::to_vec).ok_or_else(|| Refusal::new(Status::BadRequest, "the header Sec-WebSocket-Key is missing"))
}
