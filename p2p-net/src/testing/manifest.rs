//! The gate of wire compatibility: a test that holds a crate's protocols against the [manifest](crate::manifest) that was
//! reviewed with it.
//!
//! ```no_run
//! # use p2p_net::ProtocolSet;
//! use p2p_net::testing::manifest;
//!
//! # macro_rules! test { ($($code:tt)*) => { $($code)* } }
//! # test! {
//! #[test]
//! fn the_wire_is_as_it_was_released() {
//!     let mine = ProtocolSet::linked().of_crate(env!("CARGO_PKG_NAME"));
//!     manifest::check(&mine, concat!(env!("CARGO_MANIFEST_DIR"), "/protocols.json"));
//! }
//! # }
//! ```
//!
//! Any difference fails the test and is told with its rule, so that the file is always what the code says. With
//! [`P2P_ACCEPT=1`](ACCEPT) in the environment the file is written anew, to be committed and reviewed with the change. What
//! asks for a new version is refused even then: nodes with the old meaning of that version are out there. Two ways lead on:
//!
//! - give the protocol the version that is asked for, which is accepted as a new one;
//! - if the version was never released, say so in the file, with `"draft": true` beside `"version"`. A draft may change as it
//!   likes; take the line out when it is released.

use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::manifest::{Asks, Change, Manifest, ReadError};

/// The environment variable that accepts what changed: `P2P_ACCEPT=1`.
pub const ACCEPT: &str = "P2P_ACCEPT";

/// Whether a changed manifest is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// It is not: every change is refused.
    No,
    /// It is, unless a change asks for a new version.
    Yes,
}

/// The protocols are not those of the file, or cannot be compared with them. Its text is the report.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refused {
    /// There is nothing to compare: most often the crate is not linked.
    Empty,
    /// Two protocols of one name and version.
    Duplicate(String),
    /// There is no file yet.
    Missing(PathBuf),
    /// It cannot be read or written.
    Io(PathBuf, io::Error),
    /// It is no manifest, and is not overwritten.
    Unreadable(PathBuf, ReadError),
    /// The protocols changed.
    Changed {
        /// The file.
        file: PathBuf,
        /// What changed.
        changes: Vec<Change>,
        /// What was asked for.
        accept: Accept,
    },
}

/// Holds the protocols against the manifest in `file`; with [`P2P_ACCEPT=1`](ACCEPT), writes it.
///
/// # Panics
///
/// With the report, when it is [refused](compare); when the variable is neither `1` nor `0` nor empty.
#[track_caller]
pub fn check(protocols: impl Into<Manifest>, file: impl AsRef<Path>) {
    let accept = match env::var(ACCEPT).as_deref() {
        Err(env::VarError::NotPresent) | Ok("" | "0") => Accept::No,
        Ok("1") => Accept::Yes,
        other => panic!("{ACCEPT} is 1 to accept what changed, or not set; it is {other:?}"),
    };
    if let Err(refused) = compare(protocols, file, accept) {
        panic!("{refused}");
    }
}

/// The same without an environment: what was accepted, or why not.
///
/// # Errors
///
/// [`Refused`]: any change without [`Accept::Yes`], and a change that asks for a new version in any case.
pub fn compare(protocols: impl Into<Manifest>, file: impl AsRef<Path>, accept: Accept) -> Result<Vec<Change>, Refused> {
    let (code, file) = (protocols.into(), file.as_ref());
    if code.protocols.is_empty() {
        return Err(Refused::Empty);
    }
    if let Some(twins) = code.duplicate() {
        return Err(Refused::Duplicate(twins));
    }
    let Some(known) = read(file)? else {
        return if accept == Accept::Yes {
            write(file, &code).map(|()| Vec::new())
        } else {
            Err(Refused::Missing(file.into()))
        };
    };
    let changes = known.changes_to(&code);
    if changes.is_empty() {
        return Ok(changes);
    }
    if accept == Accept::No || changes.iter().any(asks_for_a_version) {
        return Err(Refused::Changed { file: file.into(), changes, accept });
    }
    write(file, &with_drafts_of(&known, code))?;
    Ok(changes)
}

fn asks_for_a_version(change: &Change) -> bool {
    matches!(change.asks, Asks::Version(_))
}

fn read(file: &Path) -> Result<Option<Manifest>, Refused> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Refused::Io(file.into(), error)),
    };
    Manifest::from_json(&text).map(Some).map_err(|error| Refused::Unreadable(file.into(), error))
}

fn write(file: &Path, manifest: &Manifest) -> Result<(), Refused> {
    let text = manifest.to_json().map_err(io::Error::from);
    text.and_then(|text| fs::write(file, text)).map_err(|error| Refused::Io(file.into(), error))
}

/// The code does not know what was released; the file does.
fn with_drafts_of(known: &Manifest, mut code: Manifest) -> Manifest {
    for protocol in &mut code.protocols {
        protocol.draft = known.find(&protocol.name, protocol.version).is_some_and(|known| known.draft);
    }
    code
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str(
                "there is no protocol to compare: name the crate in a `use my_plugin as _;` so that it is linked, and \
                 look at the name given to `of_crate`",
            ),
            Self::Duplicate(twins) => {
                write!(f, "two protocols are called {twins}: rename one, or leave it out with `.without::<..>()`")
            }
            Self::Missing(file) => write!(
                f,
                "there is no manifest at {} yet: run this test once with {ACCEPT}=1 to make it, and commit it",
                file.display()
            ),
            Self::Io(file, error) => write!(f, "{}: {error}", file.display()),
            Self::Unreadable(file, error) => write!(
                f,
                "{}: {error}; mend the file, or bring back the last good one: it is not overwritten",
                file.display()
            ),
            Self::Changed { file, changes, accept } => report(f, file, changes, *accept),
        }
    }
}

fn report(f: &mut fmt::Formatter<'_>, file: &Path, changes: &[Change], accept: Accept) -> fmt::Result {
    writeln!(f, "the protocols are not those of {}\n", file.display())?;
    for change in changes {
        writeln!(f, "  {change}\n")?;
    }
    let mut broken: Vec<_> = changes.iter().filter(|change| asks_for_a_version(change)).collect();
    broken.dedup_by_key(|change| change.place.protocol().to_owned());
    for change in &broken {
        let (protocol, Asks::Version(next)) = (change.place.protocol(), change.asks) else { continue };
        writeln!(
            f,
            "{protocol} breaks nodes that run it: write `#[protocol(version = {next}, ..)]`. If {protocol} was never \
             released, write \"draft\": true beside its \"version\" in the file."
        )?;
    }
    match (accept, broken.is_empty()) {
        (Accept::Yes, _) => write!(f, "The file is as it was: a change that asks for a new version is not accepted."),
        (Accept::No, true) => write!(f, "To accept this, run the test with {ACCEPT}=1 and commit the file."),
        (Accept::No, false) => write!(f, "Then run the test with {ACCEPT}=1 and commit the file."),
    }
}
