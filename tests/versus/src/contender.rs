//! Who is measured.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::metric::Figure;
use crate::outcome::Outcome;
use crate::peers::{commonware, iroh, karyon, libp2p, ours, raw};
use crate::runtime::Runtime;
use crate::streams::OnStreams;
use crate::work::{Work, perform};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Contender {
    /// p2p-net over tls://.
    Ours,
    /// p2p-net over tcp://, without encryption; only for round trips.
    OursTcp,
    /// libp2p over TCP, Noise and Yamux.
    Libp2pTcp,
    /// libp2p over QUIC.
    Libp2pQuic,
    /// iroh.
    Iroh,
    /// karyon over TLS.
    Karyon,
    /// commonware-p2p.
    Commonware,
    /// A bare TLS socket on smol.
    Raw,
}

impl Contender {
    pub(crate) const ALL: [Self; 8] = [
        Self::Ours,
        Self::OursTcp,
        Self::Libp2pTcp,
        Self::Libp2pQuic,
        Self::Iroh,
        Self::Karyon,
        Self::Commonware,
        Self::Raw,
    ];

    /// As it is written on the command line.
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursTcp => "ours-tcp",
            Self::Libp2pTcp => "libp2p-tcp",
            Self::Libp2pQuic => "libp2p-quic",
            Self::Iroh => "iroh",
            Self::Karyon => "karyon",
            Self::Commonware => "commonware",
            Self::Raw => "raw",
        }
    }

    /// As it is printed.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursTcp => "ours, tcp://",
            Self::Libp2pTcp => "libp2p tcp",
            Self::Libp2pQuic => "libp2p quic",
            Self::Iroh => "iroh",
            Self::Karyon => "karyon",
            Self::Commonware => "commonware",
            Self::Raw => "raw TLS",
        }
    }

    /// The packages whose versions say what was measured.
    pub(crate) fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Ours | Self::OursTcp => &["p2p-net", "rustls"],
            Self::Libp2pTcp | Self::Libp2pQuic => &["libp2p", "libp2p-stream"],
            Self::Iroh => &["iroh"],
            Self::Karyon => &["karyon_p2p"],
            Self::Commonware => &["commonware-p2p"],
            Self::Raw => &["smol", "futures-rustls"],
        }
    }

    /// Does `work` in this process, on executors of its own.
    pub(crate) fn measure(self, work: &Work, period: std::time::Duration) -> Outcome<Vec<Figure>> {
        let (task, threads) = (work.task, work.threads);
        match self {
            Self::Ours => ours::run(threads, "tls", move |peer| perform(peer, task, period)),
            Self::OursTcp => ours::run(threads, "tcp", move |peer| perform(peer, task, period)),
            Self::Libp2pTcp | Self::Libp2pQuic => {
                let tcp = self == Self::Libp2pTcp;
                let transport = if tcp { libp2p::Transport::TcpNoiseYamux } else { libp2p::Transport::Quic };
                Runtime::on_tokio(threads, move |runtime| {
                    perform(OnStreams(libp2p::Libp2p { runtime, transport }), task, period)
                })?
            }
            Self::Iroh => {
                Runtime::on_tokio(threads, move |runtime| perform(OnStreams(iroh::Iroh { runtime }), task, period))?
            }
            Self::Karyon => karyon::run(threads, move |peer| perform(peer, task, period)),
            Self::Commonware => commonware::run(threads, move |peer| perform(peer, task, period)),
            Self::Raw => Runtime::on_smol(threads, move |runtime| {
                let raw = raw::Raw::new(runtime);
                async move { perform(OnStreams(raw?), task, period).await }
            }),
        }
    }
}
