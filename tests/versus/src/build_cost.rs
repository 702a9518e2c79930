//! What a clean release build costs: our dchat beside the smallest libp2p chat that does the same.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use serde::Serialize;

use crate::outcome::{Failure, Outcome};

/// A program to build.
struct Program {
    title: &'static str,
    /// Of this workspace, with a binary of that name.
    package: &'static str,
}

const PROGRAMS: [Program; 2] = [
    Program { title: "ours: dchat", package: "dchat" },
    Program { title: "libp2p: chat", package: "libp2p-chat" },
];

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cost {
    pub(crate) program: &'static str,
    /// User and system time of cargo and all it ran.
    pub(crate) cpu_seconds: f64,
    pub(crate) wall_seconds: f64,
    /// Packages in the dependency tree, build dependencies included, its own counted.
    pub(crate) crates: usize,
    pub(crate) stripped_bytes: u64,
}

/// Builds both from nothing in folders below `scratch`, which are removed again.
pub(crate) fn measure(scratch: &Path) -> Outcome<Vec<Cost>> {
    PROGRAMS.iter().map(|program| program.cost(scratch)).collect()
}

impl Program {
    fn cost(&self, scratch: &Path) -> Outcome<Cost> {
        let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        // Downloads are no part of a build.
        succeed(cargo(&manifest, "fetch").arg("--locked"))?;
        let target = scratch.join(self.package);
        if target.exists() {
            return Err(Failure::new(format!(
                "{} is there already: a clean build needs a new folder",
                target.display()
            )));
        }
        // Both with the settings cargo has by itself, whatever their workspaces say, and one way to strip.
        let profile = ["lto=false", "codegen-units=16", "debug=false", "strip=true"];
        let profile = profile.iter().flat_map(|setting| ["--config".to_owned(), format!("profile.release.{setting}")]);
        eprintln!("building {} from nothing", self.title);
        let (start, before) = (Instant::now(), children_time()?);
        let mut build = cargo(&manifest, "build");
        succeed(
            build.args(["--release", "--locked"]).args(["--package", self.package]).args(profile).arg("--target-dir").arg(&target),
        )?;
        let cost = Cost {
            program: self.title,
            cpu_seconds: (children_time()?.saturating_sub(before)).as_secs_f64(),
            wall_seconds: start.elapsed().as_secs_f64(),
            crates: self.crates(&manifest)?,
            stripped_bytes: std::fs::metadata(target.join("release").join(self.package))?.len(),
        };
        std::fs::remove_dir_all(&target)?;
        Ok(cost)
    }

    fn crates(&self, manifest: &Path) -> Outcome<usize> {
        let mut tree = cargo(manifest, "tree");
        tree.args([
            "--locked",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--no-dedupe",
            "--package",
            self.package,
        ]);
        let output = tree.stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(Failure::new(format!("cargo tree: {}", output.status)));
        }
        let text = String::from_utf8(output.stdout)?;
        let lines = text.lines().map(|line| line.trim_end_matches(" (proc-macro)"));
        let crates: std::collections::BTreeSet<_> = lines.filter(|line| !line.is_empty()).collect();
        Ok(crates.len())
    }
}

fn cargo(manifest: &Path, command: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg(command).arg("--manifest-path").arg(manifest);
    cargo
}

fn succeed(command: &mut Command) -> Outcome<()> {
    let status = command.stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("{command:?}: {status}"))) }
}

/// User and system time of all children that ended.
fn children_time() -> Outcome<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = [usage.user_time(), usage.system_time()].map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
    Ok(Duration::from_micros(micros.iter().sum::<i64>().unsigned_abs()))
}

pub(crate) fn rustc_version() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
