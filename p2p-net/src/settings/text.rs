//! Settings from TOML and back, with errors that name the key.

use serde::Deserialize;
use toml::{Table, Value};

use super::keys::keys_of;
use super::{Limits, Settings, SettingsError};

/// A key this much alike (Jaro-Winkler) is taken for a slip of the pen.
const ALIKE: f64 = 0.8;

impl Settings {
    /// Reads settings from TOML; keys that are missing keep their default. Does not [validate](Self::validate).
    ///
    /// # Errors
    ///
    /// When the text is no TOML, has a key that does not exist, or a value of the wrong type.
    ///
    /// ```
    /// use p2p_net::Settings;
    ///
    /// let error = Settings::from_toml("lsten = []").unwrap_err();
    /// assert_eq!(error.to_string(), "unknown key `lsten`: did you mean `listen`?");
    /// ```
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| SettingsError::Syntax(error.to_string()))?;
        check_keys(&table, "", keys_of::<Self>())?;
        if let Some(Value::Table(limits)) = table.get("limits") {
            check_keys(limits, "limits.", keys_of::<Limits>())?;
        }
        Self::deserialize(table.clone()).map_err(|error| find_culprit(&table, &error))
    }

    /// The settings as TOML, defaults included.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Unwritable`] for what TOML cannot hold: a path that is no UTF-8, a number above 2^63 - 1, a
    /// duration with a part below a millisecond.
    ///
    /// ```
    /// use p2p_net::Settings;
    ///
    /// let text = Settings::default().to_toml()?;
    /// assert_eq!(Settings::from_toml(&text)?, Settings::default());
    /// # Ok::<(), p2p_net::settings::SettingsError>(())
    /// ```
    pub fn to_toml(&self) -> Result<String, SettingsError> {
        toml::to_string(self).map_err(|error| SettingsError::Unwritable(error.to_string()))
    }
}

pub(crate) fn check_keys(table: &Table, prefix: &str, known: &[&str]) -> Result<(), SettingsError> {
    let Some(key) = table.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
    Err(SettingsError::UnknownKey {
        key: format!("{prefix}{key}"),
        nearest: nearest(key, known).map(|nearest| format!("{prefix}{nearest}")),
        known: known.join(", "),
    })
}

/// The one of `known` that looks most like `word`, if any looks like it at all.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known.iter().map(|candidate| (strsim::jaro_winkler(word, candidate), *candidate));
    let best = scored.filter(|(score, _)| *score >= ALIKE).max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.map(|(_, candidate)| candidate)
}

/// Reads one key at a time to see which one does not fit: the error of the whole does not say.
fn find_culprit(table: &Table, error: &toml::de::Error) -> SettingsError {
    for (key, value) in table {
        match value {
            Value::Table(limits) if key == "limits" => {
                for (key, value) in limits {
                    if let Err(error) = Limits::deserialize(alone(key, value)) {
                        return type_error(format!("limits.{key}"), &error);
                    }
                }
            }
            _ => {
                if let Err(error) = Settings::deserialize(alone(key, value)) {
                    return type_error(key.clone(), &error);
                }
            }
        }
    }
    SettingsError::Syntax(error.to_string())
}

fn alone(key: &str, value: &Value) -> Table {
    Table::from_iter([(key.to_owned(), value.clone())])
}

pub(crate) fn type_error(field: String, error: &toml::de::Error) -> SettingsError {
    SettingsError::Type { field, problem: error.message().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn error(text: &str) -> String {
        Settings::from_toml(text).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_text_is_the_default() {
        assert_eq!(Settings::from_toml(""), Ok(Settings::default()));
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let id = "tls://127.0.0.1:9000".parse().unwrap();
        let settings = Settings {
            data_dir: Some("/var/lib/node".into()),
            random_seed: Some(7),
            listen: vec![id],
            limits: Limits { close_linger: Duration::from_millis(1_500), ..Limits::default() },
            ..Settings::default()
        };
        assert_eq!(Settings::from_toml(&settings.to_toml().unwrap()), Ok(settings));
        let defaults = Settings::default();
        assert_eq!(Settings::from_toml(&defaults.to_toml().unwrap()), Ok(defaults));
    }

    #[test]
    fn keys_of_nested_tables_are_read() {
        let settings = Settings::from_toml("max_peers = 3\n[limits]\nheartbeat_interval = \"2m\"\n").unwrap();
        assert_eq!((settings.max_peers, settings.limits.heartbeat_interval), (3, Duration::from_secs(120)));
        assert_eq!(settings.limits.request_timeout, Limits::default().request_timeout);
    }

    #[test]
    fn an_unknown_key_suggests_the_nearest() {
        assert_eq!(error("outbond_slots = 3"), "unknown key `outbond_slots`: did you mean `outbound_slots`?");
        let nested = "[limits]\nheartbeat_intervall = \"1s\"";
        assert_eq!(
            error(nested),
            "unknown key `limits.heartbeat_intervall`: did you mean `limits.heartbeat_interval`?"
        );
        let strange = error("zzz = 1");
        assert!(strange.starts_with("unknown key `zzz`: the keys are name, app_version, network"), "{strange}");
    }

    #[test]
    fn a_wrong_type_names_the_field() {
        assert_eq!(error("name = 5"), "`name`: invalid type: integer `5`, expected a string");
        assert!(error("max_peers = -1").starts_with("`max_peers`: invalid value"), "{}", error("max_peers = -1"));
        assert!(error("listen = [\"nowhere\"]").starts_with("`listen`: "));
        assert!(error("limits = 3").starts_with("`limits`: invalid type"));
        let unit = error("[limits]\nban_time = \"1 day\"");
        assert!(unit.starts_with("`limits.ban_time`: `1 day` is no duration"), "{unit}");
        let number = error("[limits]\nban_time = 5");
        assert!(number.starts_with("`limits.ban_time`: invalid type: integer"), "{number}");
        assert!(
            error("[limits]\naddresses_per_peer = \"lots\"")
                .starts_with("`limits.addresses_per_peer`: `lots` is no rate")
        );
    }

    #[test]
    fn trusted_nodes_are_read_by_their_ids() {
        let id = crate::identity::SecretKey::from_bytes([1; 32]).id();
        let settings = Settings::from_toml(&format!("trusted = [\"{id}\"]\ndial_ratio = 2")).unwrap();
        assert_eq!((settings.trusted, settings.dial_ratio), (vec![id], 2));
        let wrong = error("trusted = [\"alice\"]");
        assert!(wrong.starts_with("`trusted`: "), "{wrong}");
    }

    #[test]
    fn broken_toml_is_told_with_its_line() {
        assert!(error("name = ").starts_with("the settings are no TOML: TOML parse error at line 1"));
    }

    #[test]
    fn what_toml_cannot_hold_is_an_error() {
        let limits = Limits { ban_time: Duration::from_micros(1), ..Limits::default() };
        let error = Settings { limits, ..Settings::default() }.to_toml().unwrap_err().to_string();
        assert!(error.contains("whole milliseconds"), "{error}");
    }
}
