//! Connections that stay and say nothing: the system asks the other end whether it is still there.
//!
//! A machine that lost its power or its network says no goodbye. Its connection would keep its place, and its subscriptions
//! theirs, for good; and a client would wait for notifications for ever.

use std::io;
use std::time::Duration;

use rustix::net::sockopt;
use smol::net::TcpStream;

/// Silence before the first question: longer than most pauses, so that connections in use cost nothing.
const SILENCE: Duration = Duration::from_secs(60);
/// Time between questions.
const BETWEEN: Duration = Duration::from_secs(15);
/// Questions without an answer after which the connection is lost: with the silence before them, two minutes in all.
const QUESTIONS: u32 = 4;

/// Asks from now on.
pub(crate) fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, SILENCE)?;
    sockopt::set_tcp_keepintvl(stream, BETWEEN)?;
    sockopt::set_tcp_keepcnt(stream, QUESTIONS)?;
    Ok(())
}
