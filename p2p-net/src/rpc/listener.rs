//! Sockets that wait for callers: bound all together before any serves, then each a task of its own.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
#[cfg(unix)]
use smol::net::unix::UnixListener;
use smol::net::{TcpListener, TcpStream};

use super::apis::Apis;
use super::connection;
use super::dispatch::Dispatch;
use super::error::RpcError;
use super::http::{Access, Offer, Port};
use super::places::{Place, Places};
use super::server::StartError;
use super::settings::{HttpSettings, RpcLimits, RpcSettings};
use super::transport::keepalive::keep_alive;
#[cfg(unix)]
use super::transport::unix::{self, SocketFile};
use super::transport::{Outgoing, lines};
use super::wire;
use crate::clock::Clock;
use crate::signal::Signal;
use crate::tasks::TaskGroup;

/// How long nobody is let in after the system had no more descriptors: long enough for some to be given back.
const BREATH: Duration = Duration::from_millis(100);

/// Callers that are told at once that there are too many; others are only hung up on, so that a flood costs nothing.
const TURNED_AWAY: usize = 32;

/// Where a server listens.
#[derive(Debug, Default)]
pub(super) struct Bound {
    pub(super) ipc: Option<PathBuf>,
    pub(super) tcp: Option<SocketAddr>,
    pub(super) http: Option<SocketAddr>,
    pub(super) websocket: Option<SocketAddr>,
}

/// A socket that is bound and serves nobody yet.
pub(super) enum Listener {
    #[cfg(unix)]
    Unix(UnixListener, SocketFile, Apis),
    Tcp(TcpListener, Apis),
    Http(TcpListener, Offers),
}

/// What is offered at a port of HTTP, and who may call.
#[derive(Default)]
pub(super) struct Offers {
    http: Option<(Apis, Access)>,
    websocket: Option<(Apis, Access)>,
}

/// Binds all that the settings name.
pub(super) async fn bind(apis: &Apis, settings: &RpcSettings) -> Result<(Vec<Listener>, Bound), StartError> {
    let (mut listeners, mut bound) = (Vec::new(), Bound::default());
    if let Some(ipc) = &settings.ipc {
        let some = only(apis, &ipc.apis, "ipc.apis")?;
        #[cfg(unix)]
        {
            let path = ipc.path.clone();
            let (listener, file) = smol::unblock(move || unix::listen(&path)).await?;
            bound.ipc = Some(file.path().to_owned());
            listeners.push(Listener::Unix(listener, file, some));
        }
        #[cfg(not(unix))]
        {
            drop(some);
            return Err(StartError::NoUnixSockets);
        }
    }
    if let Some(tcp) = &settings.tcp {
        let some = only(apis, &tcp.apis, "tcp.apis")?;
        let (listener, address) = listen("tcp.listen", tcp.listen).await?;
        bound.tcp = Some(address);
        listeners.push(Listener::Tcp(listener, some));
    }
    let offer = |http: &HttpSettings, field| Ok::<_, StartError>((only(apis, &http.apis, field)?, Access::new(http)));
    let shared = |http: &HttpSettings, other: &HttpSettings| http.listen == other.listen && http.listen.port() != 0;
    let mut websocket = settings.websocket.as_ref();
    if let Some(http) = &settings.http {
        let mut offers = Offers { http: Some(offer(http, "http.apis")?), websocket: None };
        let (listener, address) = listen("http.listen", http.listen).await?;
        bound.http = Some(address);
        if let Some(other) = websocket.take_if(|other| shared(http, other)) {
            offers.websocket = Some(offer(other, "websocket.apis")?);
            bound.websocket = Some(address);
        }
        listeners.push(Listener::Http(listener, offers));
    }
    if let Some(websocket) = websocket {
        let offers = Offers { http: None, websocket: Some(offer(websocket, "websocket.apis")?) };
        let (listener, address) = listen("websocket.listen", websocket.listen).await?;
        bound.websocket = Some(address);
        listeners.push(Listener::Http(listener, offers));
    }
    Ok((listeners, bound))
}

fn only(apis: &Apis, names: &[String], field: &'static str) -> Result<Apis, StartError> {
    apis.only(names).map_err(|error| StartError::Apis { field, error })
}

async fn listen(field: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    if !address.ip().is_loopback() {
        log::warn!(target: "net", "rpc: `{field}` lets in callers from other machines, without encryption");
    }
    let failed = |error| StartError::Listen { field, address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Whether a caller is let in; the place is its own until it is gone.
enum Entry {
    In(Place),
    /// There are too many.
    Away(Place),
}

/// What serves the connections of one listener.
struct Serving {
    limits: RpcLimits,
    clock: Clock,
    tasks: TaskGroup,
    stop: Signal,
    places: Places,
    /// For callers that are told that there are too many.
    away: Places,
}

impl Listener {
    /// Lets callers in until `stop` is given.
    pub(super) fn run(self, limits: &RpcLimits, clock: &Clock, tasks: &TaskGroup, stop: &Signal) {
        let serving = Serving {
            limits: limits.clone(),
            clock: clock.clone(),
            tasks: tasks.clone(),
            stop: stop.clone(),
            places: Places::new(limits.connections),
            away: Places::new(TURNED_AWAY),
        };
        match self {
            #[cfg(unix)]
            Self::Unix(listener, file, apis) => {
                let dispatch = serving.dispatch(apis);
                tasks.spawn("the rpc listener of a Unix socket", async move {
                    let accept = || async { listener.accept().await.map(|(stream, _)| stream) };
                    serving.accept(accept, |stream, entry| serving.lines(stream, &dispatch, entry)).await;
                    // After the last caller was let in, and before `stop` returns.
                    drop((listener, file));
                });
            }
            Self::Tcp(listener, apis) => {
                let dispatch = serving.dispatch(apis);
                tasks.spawn("the rpc listener of TCP", async move {
                    let accept = || accept_tcp(&listener);
                    serving.accept(accept, |stream, entry| serving.lines(stream, &dispatch, entry)).await;
                });
            }
            Self::Http(listener, offers) => {
                let port = Arc::new(serving.port(offers));
                tasks.spawn("the rpc listener of HTTP", async move {
                    let accept = || accept_tcp(&listener);
                    serving.accept(accept, |stream, entry| serving.http(stream, &port, entry)).await;
                });
            }
        }
    }
}

async fn accept_tcp(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    // Answers are small and wanted at once.
    stream.set_nodelay(true)?;
    keep_alive(&stream)?;
    Ok(stream)
}

impl Serving {
    fn dispatch(&self, apis: Apis) -> Arc<Dispatch> {
        Arc::new(Dispatch { apis, limits: self.limits.clone(), clock: self.clock.clone() })
    }

    fn port(&self, offers: Offers) -> Port {
        let offer = |(apis, access)| Offer { dispatch: self.dispatch(apis), access };
        Port {
            http: offers.http.map(offer),
            websocket: offers.websocket.map(offer),
            limits: self.limits.clone(),
            clock: self.clock.clone(),
            executor: self.tasks.executor().clone(),
            stop: self.stop.clone(),
        }
    }

    /// Lets callers in, each in a task of its own.
    async fn accept<S, F: Future<Output = io::Result<S>>>(
        &self,
        accept: impl Fn() -> F,
        serve: impl Fn(S, Entry) -> BoxFuture<'static, ()>,
    ) {
        while let Some(accepted) = self.stop.unless(accept()).await {
            match accepted {
                Ok(stream) => {
                    let entry = self.places.take().map(Entry::In);
                    if let Some(entry) = entry.or_else(|| self.away.take().map(Entry::Away)) {
                        self.tasks.spawn("an rpc connection", serve(stream, entry));
                    }
                }
                Err(error) => {
                    log::warn!(target: "net", "rpc: cannot let a caller in: {error}");
                    self.stop.unless(self.clock.sleep(BREATH)).await;
                }
            }
        }
    }

    /// Serves messages, one a line.
    fn lines<S>(&self, stream: S, dispatch: &Arc<Dispatch>, entry: Entry) -> BoxFuture<'static, ()>
    where
        S: smol::io::AsyncRead + smol::io::AsyncWrite + Clone + Unpin + Send + 'static,
    {
        let (incoming, mut outgoing) = lines::split(stream, self.limits.body_bytes);
        let (dispatch, stop, executor) = (dispatch.clone(), self.stop.clone(), self.tasks.executor().clone());
        let (clock, linger, most) = (self.clock.clone(), self.limits.close_linger, self.limits.connections);
        Box::pin(async move {
            let _place = match entry {
                Entry::In(_place) => return connection::serve(dispatch, executor, stop, incoming, outgoing).await,
                Entry::Away(place) => place,
            };
            let problem = format!("{most} connections, the most there may be: try again later");
            let error = RpcError::limit_exceeded("connections", most, problem);
            let answer = wire::response(&wire::Id::Null, &Err(error), usize::MAX);
            let told = async {
                if outgoing.send(answer).await.is_ok() {
                    outgoing.finish().await;
                }
            };
            let _ = clock.timeout(linger, stop.unless(told)).await;
        })
    }

    fn http(&self, stream: TcpStream, port: &Arc<Port>, entry: Entry) -> BoxFuture<'static, ()> {
        let port = port.clone();
        Box::pin(async move {
            match entry {
                Entry::In(_place) => port.serve(stream).await,
                Entry::Away(_place) => port.turn_away(stream).await,
            }
        })
    }
}
