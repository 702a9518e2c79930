//! What the figures were taken on.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::contender::Contender;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) processor: String,
    pub(crate) kernel: String,
    pub(crate) rustc: String,
    /// The version of every package under test.
    pub(crate) versions: BTreeMap<String, String>,
}

impl Machine {
    pub(crate) fn here(contenders: &[Contender]) -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let unknown = || "unknown".to_owned();
        let packages = contenders.iter().flat_map(|contender| contender.packages());
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: model.map_or_else(unknown, |(_, name)| name.trim().to_owned()),
            kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| unknown(), |release| release.trim().to_owned()),
            rustc: crate::build_cost::rustc_version().unwrap_or_else(unknown),
            versions: packages.map(|name| ((*name).to_owned(), locked_version(name).unwrap_or_else(unknown))).collect(),
        }
    }
}

/// Runnable tasks, averaged over the last minute. Over one without us, somebody else was measured too.
pub(crate) fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}

/// The version of a package in the lock file this program was built with.
fn locked_version(name: &str) -> Option<String> {
    let (_, package) = include_str!("../Cargo.lock").split_once(&format!("name = \"{name}\"\nversion = \""))?;
    package.split('"').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::locked_version;
    use crate::contender::Contender;

    #[test]
    fn every_package_under_test_is_in_the_lock_file() {
        for package in Contender::ALL.iter().flat_map(|contender| contender.packages()) {
            assert!(locked_version(package).is_some(), "{package}");
        }
    }
}
