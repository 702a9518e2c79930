//! Settings from TOML and back, with errors that name the key.

use serde::Deserialize;
use toml::{Table, Value};

use super::{HttpSettings, IpcSettings, RpcLimits, RpcSettings, TcpSettings};
use crate::settings::SettingsError;
use crate::settings::keys::keys_of;
use crate::settings::text::{check_keys, type_error};

/// The tables, and the keys of each.
fn tables() -> [(&'static str, &'static [&'static str]); 5] {
    [
        ("ipc", keys_of::<IpcSettings>()),
        ("tcp", keys_of::<TcpSettings>()),
        ("http", keys_of::<HttpSettings>()),
        ("websocket", keys_of::<HttpSettings>()),
        ("limits", keys_of::<RpcLimits>()),
    ]
}

impl RpcSettings {
    /// Reads settings from TOML; keys that are missing keep their default. Does not [validate](Self::validate).
    ///
    /// # Errors
    ///
    /// When the text is no TOML, has a key that does not exist, or a value of the wrong type.
    ///
    /// ```
    /// use p2p_net::rpc::RpcSettings;
    ///
    /// let error = RpcSettings::from_toml("[http]\norigin = []").unwrap_err();
    /// assert_eq!(error.to_string(), "unknown key `http.origin`: did you mean `http.origins`?");
    /// ```
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| SettingsError::Syntax(error.to_string()))?;
        check_keys(&table, "", keys_of::<Self>())?;
        for (name, keys) in tables() {
            if let Some(Value::Table(inner)) = table.get(name) {
                check_keys(inner, &format!("{name}."), keys)?;
            }
        }
        Self::deserialize(table.clone()).map_err(|error| culprit(&table, &error))
    }

    /// The settings as TOML, defaults of what is on included.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Unwritable`] for what TOML cannot hold: a path that is no UTF-8, a number above 2^63 - 1, a duration
    /// with a part below a millisecond.
    pub fn to_toml(&self) -> Result<String, SettingsError> {
        toml::to_string(self).map_err(|error| SettingsError::Unwritable(error.to_string()))
    }
}

/// Reads one key at a time to see which one does not fit: the error of the whole does not say.
fn culprit(table: &Table, error: &toml::de::Error) -> SettingsError {
    for (name, value) in table {
        let Value::Table(inner) = value else { return type_error(name.clone(), error) };
        for (key, value) in inner {
            let alone = Table::from_iter([(key.clone(), value.clone())]);
            let whole = Table::from_iter([(name.clone(), Value::Table(alone))]);
            if let Err(error) = RpcSettings::deserialize(whole) {
                return type_error(format!("{name}.{key}"), &error);
            }
        }
    }
    SettingsError::Syntax(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        RpcSettings::from_toml(text).unwrap_err().to_string()
    }

    #[test]
    fn nothing_is_offered_by_default() {
        let settings = RpcSettings::from_toml("").unwrap();
        assert_eq!(settings, RpcSettings::default());
        assert!(settings.ipc.is_none() && settings.tcp.is_none());
        assert!(settings.http.is_none() && settings.websocket.is_none());
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let settings = RpcSettings {
            ipc: Some(IpcSettings::at("/run/node.ipc")),
            tcp: Some(TcpSettings::offering(["chat"])),
            http: Some(HttpSettings { token: Some("0123456789abcdef".to_owned().into()), ..HttpSettings::default() }),
            websocket: Some(HttpSettings::offering(["*"])),
            limits: RpcLimits { batch: 3, ..RpcLimits::default() },
        };
        assert_eq!(RpcSettings::from_toml(&settings.to_toml().unwrap()), Ok(settings));
    }

    #[test]
    fn a_mistake_names_its_key() {
        assert_eq!(error("[web]\n"), "unknown key `web`: did you mean `websocket`?");
        assert_eq!(error("[ipc]\npth = \"a\""), "unknown key `ipc.pth`: did you mean `ipc.path`?");
        assert_eq!(error("[limits]\nbatsch = 1"), "unknown key `limits.batsch`: did you mean `limits.batch`?");
        assert!(error("[tcp]\nlisten = \"here\"").starts_with("`tcp.listen`: invalid socket address"));
        assert!(error("http = 80").starts_with("`http`: invalid type"));
        assert!(error("[limits]\nread_timeout = \"5\"").starts_with("`limits.read_timeout`: `5` is no duration"));
        assert!(error("[http").starts_with("the settings are no TOML"));
    }
}
