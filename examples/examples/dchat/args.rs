//! The command line, and the settings it stands for.

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Parser};
use p2p_net::Settings;
use p2p_net::node_url::NodeUrl;

/// The longest name, in bytes.
const MAX_NAME: usize = 32;

/// A chat without a server.
///
/// Without arguments a seed and three nodes talk to each other in this process. With a name it is one node, and typed
/// lines go to everybody; /peers, /info and /quit are commands.
#[derive(Parser)]
#[command(name = "dchat")]
pub struct Args {
    /// What others call you.
    #[arg(long, value_parser = parse_name)]
    name: Option<String>,
    /// Where to listen, such as tls://127.0.0.1:9001; port 0 is any free one. May be given more than once.
    #[arg(long, value_name = "URL", requires = "name")]
    listen: Vec<NodeUrl>,
    /// A seed to ask for others. May be given more than once.
    #[arg(long, value_name = "URL", requires = "name")]
    seed: Vec<NodeUrl>,
    /// A node to stay connected with. May be given more than once.
    #[arg(long, value_name = "URL", requires = "name")]
    peer: Vec<NodeUrl>,
    /// Folder for your key and the address book; without one, each start is somebody new.
    #[arg(long, value_name = "DIR", requires = "name")]
    data: Option<PathBuf>,
    /// Settings of the node in TOML; what the command line says is added.
    #[arg(long, value_name = "FILE", requires = "name")]
    config: Option<PathBuf>,
    /// Logs what the node does; twice for more.
    #[arg(short, action = ArgAction::Count)]
    pub verbose: u8,
}

impl Args {
    /// The settings of the one node; none without a name.
    pub fn settings(self) -> Result<Option<Settings>, Box<dyn Error>> {
        // ANCHOR: settings
        let Some(name) = self.name else { return Ok(None) };
        let mut settings = self.config.as_deref().map(read).transpose()?.unwrap_or_default();
        settings.name = name;
        settings.listen.extend(self.listen);
        settings.seeds.extend(self.seed);
        settings.peers.extend(self.peer);
        settings.data_dir = self.data.or(settings.data_dir);
        Ok(Some(settings))
        // ANCHOR_END: settings
    }
}

fn read(path: &Path) -> Result<Settings, String> {
    let named = |error: &dyn Error| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| named(&error))?;
    Settings::from_toml(&text).map_err(|error| named(&error))
}

fn parse_name(name: &str) -> Result<String, String> {
    if name.trim().is_empty() || name.len() > MAX_NAME || name.contains(|c: char| c.is_control() || c == '/') {
        return Err(format!("a name has 1 to {MAX_NAME} bytes, and neither control characters nor `/`"));
    }
    Ok(name.to_owned())
}
