//! Whether settings can work; each refusal names the field and what would be right.

use std::net::IpAddr;
use std::time::Duration;

use super::text::nearest;
use super::{Limits, Settings, SettingsError};
use crate::node_url::NodeUrl;

/// Longest name in bytes: they travel in the version message and stand in logs.
const MAX_NAME: usize = 64;
/// The smallest outbox that holds one full frame.
const MIN_OUTBOX: usize = 64 * 1024 + 8;
/// The smallest channel: the window of one message type and one message being put together.
const MIN_CHANNEL_MEMORY: usize = 1024 * 1024;
/// The smallest address book in which a bounded share is still an address or two.
const MIN_BOOK: usize = 16;
/// The largest address book: a pick looks at every place in it, at some 0.1 µs each.
const MAX_BOOK: usize = 50_000;

/// The longest time: moments that far ahead can still be computed.
const MAX_TIME: Duration = Duration::from_secs(366 * 24 * 3_600);

type Check = Result<(), SettingsError>;

fn ensure(condition: bool, field: &str, problem: impl Into<String>, remedy: impl Into<String>) -> Check {
    if condition { Ok(()) } else { Err(SettingsError::invalid(field, problem, remedy)) }
}

impl Settings {
    /// Whether a node can run with these settings.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Invalid`] for the first field that cannot work.
    ///
    /// ```
    /// use p2p_net::Settings;
    ///
    /// let error = Settings { name: String::new(), ..Settings::default() }.validate().unwrap_err();
    /// assert_eq!(error.to_string(), "`name` is empty: write 1 to 64 bytes of text");
    /// ```
    pub fn validate(&self) -> Result<(), SettingsError> {
        check_name("name", &self.name)?;
        check_name("app_version", &self.app_version)?;
        check_name("network", &self.network)?;
        if let Some(dir) = &self.data_dir {
            ensure(!dir.as_os_str().is_empty(), "data_dir", "is empty", "name a folder, or leave it out")?;
        }
        if let Some(seed) = self.random_seed {
            let fits = i64::try_from(seed).is_ok();
            ensure(fits, "random_seed", "is above 2^63 - 1", "use a smaller number: TOML knows no larger integer")?;
        }
        ensure(self.dial_ratio > 0, "dial_ratio", "is 0", "use 1 to dial for every place, 3 for every third")?;
        self.check_transports()?;
        self.check_urls()?;
        self.limits.validate()
    }

    fn check_transports(&self) -> Check {
        ensure(!self.transports.is_empty(), "transports", "is empty", "name at least one scheme, such as `tls`")?;
        for scheme in &self.transports {
            let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
                && scheme.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"+-.".contains(&c));
            let problem = format!("has `{}`, which is no URL scheme", scheme.escape_debug());
            ensure(is_scheme, "transports", problem, "write lower-case letters, such as `tls`")?;
        }
        Ok(())
    }

    fn check_urls(&self) -> Check {
        let fields =
            [("listen", &self.listen), ("external", &self.external), ("peers", &self.peers), ("seeds", &self.seeds)];
        for (field, url) in fields.iter().flat_map(|(field, urls)| urls.iter().map(move |url| (*field, url))) {
            self.check_scheme(field, url)?;
            if field != "listen" {
                let somewhere = url.port() != 0 && !url.ip().is_some_and(|ip| ip.is_unspecified());
                let problem = format!("has `{url}`, which leads nowhere");
                ensure(somewhere, field, problem, "name a host and a port that others can reach")?;
            }
        }
        for (position, url) in self.listen.iter().enumerate() {
            let twin = self.listen.iter().take(position).find(|other| collide(url, other));
            let problem = twin.map(|twin| format!("has both `{twin}` and `{url}`, which want the same port"));
            ensure(twin.is_none(), "listen", problem.unwrap_or_default(), "use another port, or 0 for any free one")?;
        }
        Ok(())
    }

    fn check_scheme(&self, field: &str, url: &NodeUrl) -> Check {
        let allowed: Vec<&str> = self.transports.iter().map(String::as_str).collect();
        let scheme = url.scheme();
        let remedy = match nearest(scheme, &allowed) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("use one of `transports` ({}), or add `{scheme}` there", allowed.join(", ")),
        };
        let problem = format!("has `{url}`, whose scheme is not allowed");
        ensure(allowed.contains(&scheme), field, problem, remedy)
    }
}

/// Whether two listen addresses want the same port of the same interface.
fn collide(a: &NodeUrl, b: &NodeUrl) -> bool {
    let wildcard = |a: &NodeUrl, b: &NodeUrl| match (a.ip(), b.ip()) {
        (Some(IpAddr::V4(a)), Some(IpAddr::V4(_))) => a.is_unspecified(),
        (Some(IpAddr::V6(a)), Some(IpAddr::V6(_))) => a.is_unspecified(),
        _ => false,
    };
    let in_process = |url: &NodeUrl| url.scheme() == "memory";
    let same_host = a.host() == b.host() || wildcard(a, b) || wildcard(b, a);
    a.port() != 0 && a.port() == b.port() && in_process(a) == in_process(b) && same_host
}

fn check_name(field: &str, name: &str) -> Check {
    ensure(!name.is_empty(), field, "is empty", "write 1 to 64 bytes of text")?;
    ensure(name.len() <= MAX_NAME, field, format!("has {} bytes", name.len()), "write at most 64 bytes")?;
    ensure(!name.chars().any(char::is_control), field, "has control characters", "write printable text")
}

impl Limits {
    fn validate(&self) -> Check {
        self.check_times()?;
        self.check_sizes()?;
        for (field, rate) in [
            ("limits.inbound_rate_per_ip", self.inbound_rate_per_ip),
            ("limits.addresses_per_peer", self.addresses_per_peer),
        ] {
            ensure(
                rate.is_workable(),
                field,
                format!("is `{rate}`, which lets nothing through"),
                "use numbers above 0 and a time up to a year",
            )?;
        }
        Ok(())
    }

    fn check_times(&self) -> Check {
        for (field, time) in [
            ("limits.handshake_timeout", self.handshake_timeout),
            ("limits.connect_timeout", self.connect_timeout),
            ("limits.seed_timeout", self.seed_timeout),
            ("limits.relayed_timeout", self.relayed_timeout),
            ("limits.write_stall", self.write_stall),
            ("limits.send_timeout", self.send_timeout),
            ("limits.close_linger", self.close_linger),
            ("limits.reconnect_min", self.reconnect_min),
            ("limits.reconnect_max", self.reconnect_max),
            ("limits.heartbeat_interval", self.heartbeat_interval),
            ("limits.request_timeout", self.request_timeout),
            ("limits.refine_interval", self.refine_interval),
            ("limits.save_interval", self.save_interval),
            ("limits.penalty_decay", self.penalty_decay),
            ("limits.ban_time", self.ban_time),
        ] {
            ensure(!time.is_zero(), field, "is zero", "use a time above 0, such as `5s`")?;
            ensure(time <= MAX_TIME, field, "is longer than a year", "use at most `8784h`")?;
        }
        let (min, max) = (self.reconnect_min, self.reconnect_max);
        ensure(min <= max, "limits.reconnect_min", "is above `limits.reconnect_max`", "make it at most that")
    }

    fn check_sizes(&self) -> Check {
        for (field, size, least) in [
            ("limits.pending_handshakes", self.pending_handshakes, 1),
            ("limits.inbound_per_ip", self.inbound_per_ip, 1),
            ("limits.inbound_per_network", self.inbound_per_network, self.inbound_per_ip),
            ("limits.address_book_size", self.address_book_size, MIN_BOOK),
            ("limits.event_queue", self.event_queue, 1),
            ("limits.outbox_bytes", self.outbox_bytes, MIN_OUTBOX),
            ("limits.channel_memory", self.channel_memory, MIN_CHANNEL_MEMORY),
            ("limits.penalty_threshold", self.penalty_threshold as usize, 1),
        ] {
            ensure(size >= least, field, format!("is {size}"), format!("use at least {least}"))?;
        }
        let (field, size) = ("limits.address_book_size", self.address_book_size);
        ensure(size <= MAX_BOOK, field, format!("is {size}"), format!("use at most {MAX_BOOK}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Rate;

    fn refusal(change: impl FnOnce(&mut Settings)) -> String {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.validate().unwrap_err().to_string()
    }

    fn urls(texts: &[&str]) -> Vec<NodeUrl> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(Settings::default().validate(), Ok(()));
    }

    #[test]
    fn a_dial_ratio_of_nothing_is_none() {
        let error = refusal(|settings| settings.dial_ratio = 0);
        assert_eq!(error, "`dial_ratio` is 0: use 1 to dial for every place, 3 for every third");
    }

    #[test]
    fn the_places_are_shared_between_those_who_dial_and_those_who_are_dialled() {
        for (max_peers, outbound_slots, dial_ratio, dialled, inbound) in
            [(64, 8, 3, 8, 56), (64, 40, 3, 21, 43), (1, 8, 3, 1, 1), (2, 8, 3, 1, 2), (0, 8, 3, 1, 0), (9, 0, 3, 0, 9)]
        {
            let settings = Settings { max_peers, outbound_slots, dial_ratio, ..Settings::default() };
            assert_eq!((settings.max_dialled(), settings.max_inbound()), (dialled, inbound), "{max_peers}");
        }
    }

    #[test]
    fn names_must_be_short_and_printable() {
        assert_eq!(refusal(|s| s.name.clear()), "`name` is empty: write 1 to 64 bytes of text");
        assert_eq!(refusal(|s| s.network.clear()), "`network` is empty: write 1 to 64 bytes of text");
        assert_eq!(refusal(|s| s.name = "x".repeat(65)), "`name` has 65 bytes: write at most 64 bytes");
        let control = "`app_version` has control characters: write printable text";
        assert_eq!(refusal(|s| s.app_version = "1\n2".into()), control);
    }

    #[test]
    fn a_folder_needs_a_name_and_a_seed_must_fit_toml() {
        let error = refusal(|s| s.data_dir = Some("".into()));
        assert_eq!(error, "`data_dir` is empty: name a folder, or leave it out");
        let error = refusal(|s| s.random_seed = Some(u64::MAX));
        assert_eq!(error, "`random_seed` is above 2^63 - 1: use a smaller number: TOML knows no larger integer");
    }

    #[test]
    fn transports_must_be_schemes() {
        let none = "`transports` is empty: name at least one scheme, such as `tls`";
        assert_eq!(refusal(|s| s.transports.clear()), none);
        let odd = "`transports` has `TLS!`, which is no URL scheme: write lower-case letters, such as `tls`";
        assert_eq!(refusal(|s| s.transports.push("TLS!".into())), odd);
    }

    #[test]
    fn every_url_needs_an_allowed_scheme() {
        for field in ["listen", "external", "peers", "seeds"] {
            let error = refusal(|s| {
                let list = match field {
                    "listen" => &mut s.listen,
                    "external" => &mut s.external,
                    "peers" => &mut s.peers,
                    _ => &mut s.seeds,
                };
                *list = urls(&["tcp://10.0.0.1:9000"]);
            });
            let expected = format!("`{field}` has `tcp://10.0.0.1:9000`, whose scheme is not allowed: ");
            assert_eq!(error, expected + "use one of `transports` (tls), or add `tcp` there");
        }
    }

    #[test]
    fn an_address_of_others_must_lead_somewhere() {
        for url in ["tls://0.0.0.0:9000", "tls://10.0.0.1:0"] {
            let expected = format!("has `{url}`, which leads nowhere: name a host and a port that others can reach");
            assert_eq!(refusal(|s| s.peers = urls(&[url])), format!("`peers` {expected}"));
            assert_eq!(refusal(|s| s.external = urls(&[url])), format!("`external` {expected}"));
        }
        let listen = urls(&["tls://0.0.0.0:0", "tls://0.0.0.0:0"]);
        assert_eq!(Settings { listen, ..Settings::default() }.validate(), Ok(()), "any free port, twice");
    }

    #[test]
    fn one_port_cannot_be_listened_on_twice() {
        for (a, b) in [
            ("tls://127.0.0.1:9000", "tls://127.0.0.1:9000"),
            ("tls://0.0.0.0:9000", "tls://127.0.0.1:9000"),
            ("tls://127.0.0.1:9000", "tcp://0.0.0.0:9000"),
        ] {
            let error = refusal(|s| {
                s.transports.push("tcp".into());
                s.listen = urls(&[a, b]);
            });
            let expected = format!("`listen` has both `{a}` and `{b}`, which want the same port: ");
            assert_eq!(error, expected + "use another port, or 0 for any free one");
        }
        let listen = urls(&["tls://127.0.0.1:9000", "tls://127.0.0.2:9000", "tls://127.0.0.1:9001"]);
        assert_eq!(Settings { listen, ..Settings::default() }.validate(), Ok(()));
    }

    #[test]
    fn no_time_may_be_zero_or_endless() {
        let fields = Limits::default();
        let text = toml::to_string(&fields).unwrap();
        let times = text
            .lines()
            .filter_map(|line| line.split_once(" = "))
            .filter(|(_, value)| super::super::duration::parse(value.trim_matches('"')).is_ok());
        let mut checked = 0;
        for (field, _) in times {
            let settings = Settings::from_toml(&format!("[limits]\n{field} = \"0s\"")).unwrap();
            let expected = format!("`limits.{field}` is zero: use a time above 0, such as `5s`");
            assert_eq!(settings.validate().unwrap_err().to_string(), expected);
            let settings = Settings::from_toml(&format!("[limits]\n{field} = \"8785h\"")).unwrap();
            let expected = format!("`limits.{field}` is longer than a year: use at most `8784h`");
            assert_eq!(settings.validate().unwrap_err().to_string(), expected);
            checked += 1;
        }
        assert_eq!(checked, 15, "every time of the limits, and no other field");
    }

    #[test]
    fn the_first_wait_is_no_longer_than_the_last() {
        let error = refusal(|s| s.limits.reconnect_min = Duration::from_secs(301));
        assert_eq!(error, "`limits.reconnect_min` is above `limits.reconnect_max`: make it at most that");
    }

    #[test]
    fn sizes_have_a_workable_minimum() {
        for (field, value, remedy) in [
            ("pending_handshakes", 0, "use at least 1"),
            ("inbound_per_ip", 0, "use at least 1"),
            ("inbound_per_network", 7, "use at least 8"),
            ("address_book_size", 15, "use at least 16"),
            ("address_book_size", 50_001, "use at most 50000"),
            ("event_queue", 0, "use at least 1"),
            ("outbox_bytes", 65_543, "use at least 65544"),
            ("channel_memory", 1_048_575, "use at least 1048576"),
            ("penalty_threshold", 0, "use at least 1"),
        ] {
            let settings = Settings::from_toml(&format!("[limits]\n{field} = {value}")).unwrap();
            let expected = format!("`limits.{field}` is {value}: {remedy}");
            assert_eq!(settings.validate().unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_rate_must_let_something_through() {
        let error = refusal(|s| s.limits.addresses_per_peer = Rate::new(0, Duration::from_secs(1), 5));
        let expected = "`limits.addresses_per_peer` is `0 per 1s, burst 5`, which lets nothing through: use numbers above 0 and a time up to a year";
        assert_eq!(error, expected);
        assert!(refusal(|s| s.limits.inbound_rate_per_ip.burst = 0).starts_with("`limits.inbound_rate_per_ip` is"));
    }
}
