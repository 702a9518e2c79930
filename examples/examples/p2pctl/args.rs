//! The command line.

use std::path::PathBuf;

use clap::{Args as Group, Parser};
use serde_json::Value;

use crate::words::value;

/// Calls a method of a running node.
#[derive(Parser)]
#[command(name = "p2pctl")]
pub struct Args {
    #[command(flatten)]
    pub server: Address,
    /// What the node asks of callers over HTTP and WebSocket.
    #[arg(long)]
    pub token: Option<String>,
    /// Prints what is answered as JSON, one line a value.
    #[arg(long)]
    pub json: bool,
    /// The method, such as admin_peers or chat_subscribe; or `attach` for a prompt.
    pub method: String,
    /// Its arguments in order: JSON, or else plain text.
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    args: Vec<String>,
}

/// Where the node is.
#[derive(Group)]
#[group(required = true, multiple = false)]
pub struct Address {
    /// The path of its Unix socket.
    #[arg(long, value_name = "PATH")]
    ipc: Option<PathBuf>,
    /// Its address for HTTP, such as http://127.0.0.1:8545.
    #[arg(long, value_name = "URL")]
    http: Option<String>,
    /// Its address for WebSocket, such as ws://127.0.0.1:8546.
    #[arg(long, value_name = "URL")]
    ws: Option<String>,
    /// Its address for TCP, such as 127.0.0.1:8547.
    #[arg(long, value_name = "ADDR")]
    tcp: Option<String>,
}

impl Args {
    pub fn arguments(&self) -> Vec<Value> {
        self.args.iter().map(|arg| value(arg)).collect()
    }
}

impl Address {
    /// As the client takes it.
    pub fn url(&self) -> String {
        let with_scheme = |scheme: &str, address: &String| match address.contains("://") {
            true => address.clone(),
            false => format!("{scheme}://{address}"),
        };
        match self {
            Self { http: Some(url), .. } => with_scheme("http", url),
            Self { ws: Some(url), .. } => with_scheme("ws", url),
            Self { tcp: Some(url), .. } => with_scheme("tcp", url),
            Self { ipc, .. } => {
                format!("unix:{}", ipc.as_ref().map(|path| path.display().to_string()).unwrap_or_default())
            }
        }
    }

    /// As a person says it.
    pub fn shown(&self) -> String {
        self.url().trim_start_matches("unix:").to_owned()
    }
}
