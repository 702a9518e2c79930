//! What a program decides about a node: its network, its RPC, its services; and the file where it says so.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::rpc::RpcSettings;
use crate::settings::keys::keys_of;
use crate::settings::text::{check_keys, type_error};
use crate::settings::{Settings, SettingsError, duration};

/// The name of the configuration's file in the data folder.
const CONFIG_FILE: &str = "config.toml";

/// The settings of a node.
///
/// As TOML, those of the network are at the top, and there are tables `rpc` and `services`:
///
/// ```
/// use p2p_net::service::NodeSettings;
///
/// let settings = NodeSettings::from_toml(r#"
///     name = "chat"
///     listen = ["tls://0.0.0.0:9000"]
///
///     [services]
///     stop_timeout = "3s"
/// "#)?;
/// assert_eq!((settings.p2p.name.as_str(), settings.services.stop_timeout.as_secs()), ("chat", 3));
/// assert_eq!(NodeSettings::from_toml(&settings.to_toml()?)?, settings);
///
/// let error = NodeSettings::from_toml("[services]\nstop_timeuot = \"3s\"").unwrap_err();
/// assert_eq!(error.to_string(), "unknown key `services.stop_timeuot`: did you mean `services.stop_timeout`?");
/// # Ok::<(), p2p_net::settings::SettingsError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NodeSettings {
    /// Its network.
    #[serde(flatten)]
    pub p2p: Settings,
    /// Where its APIs are offered, and to whom; a path that is not absolute begins in the data folder.
    pub rpc: RpcSettings,
    /// Its services.
    pub services: ServiceSettings,
}

/// The settings of services in general.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceSettings {
    /// How long one service may take to stop before it is dropped; default 10 s: it may have to save something, and a
    /// program that is told to end must end.
    #[serde(with = "duration")]
    pub stop_timeout: Duration,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self { stop_timeout: Duration::from_secs(10) }
    }
}

impl From<Settings> for NodeSettings {
    fn from(p2p: Settings) -> Self {
        Self { p2p, ..Self::default() }
    }
}

/// A configuration file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{}: {error}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is.
        error: SettingsError,
    },
    /// It names another data folder than the one it is in.
    #[error("{}: `data_dir` is the folder of this file: leave it out", path.display())]
    Elsewhere {
        /// The file.
        path: PathBuf,
    },
}

impl NodeSettings {
    /// Reads settings from TOML; keys that are missing keep their default. Does not validate: making the node does.
    ///
    /// # Errors
    ///
    /// When the text is no TOML, has a key that does not exist, or a value of the wrong type.
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        let mut table: Table =
            text.parse().map_err(|error: toml::de::Error| SettingsError::Syntax(error.to_string()))?;
        let rpc = part(&mut table, "rpc", RpcSettings::from_toml)?;
        let services = part(&mut table, "services", ServiceSettings::from_toml)?;
        Ok(Self { p2p: Settings::from_toml(&table.to_string())?, rpc, services })
    }

    /// The settings as TOML, defaults included.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Unwritable`] for what TOML cannot hold.
    pub fn to_toml(&self) -> Result<String, SettingsError> {
        toml::to_string(self).map_err(|error| SettingsError::Unwritable(error.to_string()))
    }

    /// The settings of the RPC, with paths that begin where the data folder is.
    pub(super) fn rpc_in_folder(&self) -> RpcSettings {
        let mut rpc = self.rpc.clone();
        if let (Some(ipc), Some(folder)) = (&mut rpc.ipc, &self.p2p.data_dir) {
            // An absolute path stays what it is.
            ipc.path = folder.join(&ipc.path);
        }
        rpc
    }

    /// The settings of the node whose data folder this is: those of its `config.toml`, or the defaults where it has none.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read, or something in it is wrong.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn in_folder(folder: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let folder = folder.into();
        smol::unblock(move || Self::read(&folder)).await
    }

    fn read(folder: &Path) -> Result<Self, ConfigError> {
        let path = folder.join(CONFIG_FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(ConfigError::Unreadable { path, error }),
        };
        let mut settings =
            Self::from_toml(&text).map_err(|error| ConfigError::Settings { path: path.clone(), error })?;
        match settings.p2p.data_dir.replace(folder.to_owned()) {
            Some(other) if other != folder => Err(ConfigError::Elsewhere { path }),
            _ => Ok(settings),
        }
    }
}

/// Takes the table `name` out, which `read` reads; its errors name the keys with their table.
fn part<T: Default>(
    table: &mut Table,
    name: &str,
    read: impl FnOnce(&str) -> Result<T, SettingsError>,
) -> Result<T, SettingsError> {
    match table.remove(name) {
        None => Ok(T::default()),
        Some(Value::Table(part)) => read(&part.to_string()).map_err(|error| error.within(name)),
        Some(other) => {
            let problem = format!("expected a table, found {}", other.type_str());
            Err(SettingsError::Type { field: name.to_owned(), problem })
        }
    }
}

impl ServiceSettings {
    fn from_toml(text: &str) -> Result<Self, SettingsError> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| SettingsError::Syntax(error.to_string()))?;
        check_keys(&table, "", keys_of::<Self>())?;
        // It has one key, so that it is the culprit.
        Self::deserialize(table).map_err(|error| type_error("stop_timeout".to_owned(), &error))
    }
}
