//! The address book and the bans on disk: saved so that a kill at any byte leaves the old or the new file.
//!
//! Called by [`Hosts`](super::Hosts), on a thread that may block. A file that cannot be read as a book is put aside,
//! never overwritten, and the node starts with an empty one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::bans::Ban;
use super::entry::{Entry, Failing, Source, State};
use super::time::UnixTime;
use crate::identity::NodeId;
use crate::node_url::NodeUrl;

/// The format this version writes.
const VERSION: u32 = 1;
/// The largest file that is read: the largest book the settings allow, several times over.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {}: {source}", path.display())]
pub struct StoreError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// One place of the book, as saved; the URL carries the id that was proven there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedHost {
    url: NodeUrl,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<NodeId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reached: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failures: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<UnixTime>,
}

impl SavedHost {
    pub(super) fn new(place: &NodeUrl, entry: &Entry) -> Self {
        let (from, reached) = match entry.state {
            State::Heard { from: Source::Peer(peer) } => (Some(peer), None),
            State::Heard { from: Source::Operator } => (None, None),
            State::Reached { at, .. } => (None, Some(at)),
        };
        Self {
            url: entry.url(place),
            from,
            reached,
            failures: entry.failing.map(|failing| failing.count),
            failing_since: entry.failing.map(|failing| failing.since),
            retry_at: entry.failing.map(|failing| failing.retry_at),
        }
    }

    pub(super) fn url(&self) -> &NodeUrl {
        &self.url
    }

    /// What was known; a moment in the future, from a clock that was set back, counts as now.
    pub(super) fn state(&self, now: UnixTime) -> State {
        match (self.url.id(), self.reached) {
            (Some(id), Some(at)) => State::Reached { id, at: at.min(now) },
            _ => State::Heard { from: self.from.map_or(Source::Operator, Source::Peer) },
        }
    }

    pub(super) fn failing(&self, now: UnixTime) -> Option<Failing> {
        let retry_at = self.retry_at.unwrap_or(now);
        self.failures.map(|count| Failing { count, since: self.failing_since.unwrap_or(now).min(now), retry_at })
    }
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Snapshot {
    pub(super) hosts: Vec<SavedHost>,
    pub(super) bans: Vec<Ban>,
}

/// The file as written: the last lines count what came before, so that a part of a file is never taken for a whole.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Layout {
    version: u32,
    #[serde(default)]
    host: Vec<SavedHost>,
    #[serde(default)]
    ban: Vec<Ban>,
    end: End,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    hosts: usize,
    bans: usize,
}

/// Where a node keeps its address book.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Replaces the file: the new one is complete on disk before it takes the old one's name.
    pub(super) fn save(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        let (path, unfinished) = (self.path(), self.unfinished());
        fs::create_dir_all(&self.folder).map_err(|error| self.failed("create the folder", &self.folder, error))?;
        let bytes = encode(snapshot).map_err(|error| self.failed("encode", &path, error))?;
        write_through(&unfinished, &bytes).map_err(|error| self.failed("write", &unfinished, error))?;
        fs::rename(&unfinished, &path).map_err(|error| self.failed("replace", &path, error))?;
        sync_folder(&self.folder).map_err(|error| self.failed("sync the folder", &self.folder, error))
    }

    /// What was saved last; empty when nothing was, or when it is no book.
    pub(super) fn load(&self, now: UnixTime) -> Result<Snapshot, StoreError> {
        let path = self.path();
        let bytes = match read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Snapshot::default()),
            Err(error) => return Err(self.failed("read", &path, error)),
        };
        decode(&bytes).or_else(|problem| {
            let aside = self.put_aside(now).map_err(|error| self.failed("put aside", &path, error))?;
            log::warn!(
                target: "net",
                "{} is no address book ({problem}): kept as {}, starting with an empty one",
                path.display(),
                aside.display()
            );
            Ok(Snapshot::default())
        })
    }

    fn path(&self) -> PathBuf {
        self.folder.join("hosts")
    }

    fn unfinished(&self) -> PathBuf {
        self.folder.join("hosts.unfinished")
    }

    /// Renames the file to a name nobody has, claimed first, so that no earlier file is overwritten.
    fn put_aside(&self, now: UnixTime) -> io::Result<PathBuf> {
        let base = format!("hosts.corrupt-{}", now.0);
        let names = std::iter::once(base.clone()).chain((1..1_000).map(|n| format!("{base}-{n}")));
        for aside in names.map(|name| self.folder.join(name)) {
            match OpenOptions::new().write(true).create_new(true).open(&aside) {
                Ok(_) => {
                    fs::rename(self.path(), &aside)?;
                    return Ok(aside);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn failed(&self, doing: &'static str, path: &Path, source: io::Error) -> StoreError {
        StoreError { doing, path: path.to_owned(), source }
    }
}

fn encode(snapshot: Snapshot) -> io::Result<Vec<u8>> {
    let end = End { hosts: snapshot.hosts.len(), bans: snapshot.bans.len() };
    let layout = Layout { version: VERSION, host: snapshot.hosts, ban: snapshot.bans, end };
    toml::to_string(&layout).map(String::into_bytes).map_err(io::Error::other)
}

fn decode(bytes: &[u8]) -> Result<Snapshot, String> {
    let text = str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let layout: Layout = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    if layout.version != VERSION {
        return Err(format!("version {}, this node reads version {VERSION}", layout.version));
    }
    if (layout.end.hosts, layout.end.bans) != (layout.host.len(), layout.ban.len()) {
        return Err("it is not complete".to_owned());
    }
    Ok(Snapshot { hosts: layout.host, bans: layout.ban })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a rename durable; only Unix lets a folder be opened for that.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;
    use crate::hosts::bans::Culprit;

    const NOW: UnixTime = UnixTime(1_700_000_000);

    fn host(n: u8, state: State, failing: Option<Failing>) -> SavedHost {
        let place = format!("tls://10.0.0.{n}:9000").parse().unwrap();
        SavedHost::new(&place, &Entry { state, failing, network: None })
    }

    fn snapshot(n: u8) -> Snapshot {
        let id = NodeId::from_bytes([n; 32]);
        let failing = Failing { count: 3, since: NOW, retry_at: UnixTime(NOW.0 + 8) };
        Snapshot {
            hosts: vec![
                host(n, State::Heard { from: Source::Operator }, None),
                host(n + 1, State::Heard { from: Source::Peer(id) }, Some(failing)),
                host(n + 2, State::Reached { id, at: NOW }, None),
            ],
            bans: vec![
                Ban { who: Culprit::Key(id), until: NOW },
                Ban { who: Culprit::ip([10, 0, 0, n].into()), until: NOW },
            ],
        }
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = Folder::temporary();
        let store = Store::in_folder(&folder.file("made/when/needed"));
        assert_eq!(store.load(NOW).unwrap(), Snapshot::default(), "nothing was saved yet");
        for saved in [snapshot(1), snapshot(7), Snapshot::default()] {
            store.save(saved.clone()).unwrap();
            assert_eq!(store.load(NOW).unwrap(), saved);
        }
    }

    #[test]
    fn states_come_back_as_they_were() {
        let saved = snapshot(1);
        let id = NodeId::from_bytes([1; 32]);
        let states: Vec<_> = saved.hosts.iter().map(|host| host.state(NOW)).collect();
        let heard = |from| State::Heard { from };
        let expected = [heard(Source::Operator), heard(Source::Peer(id)), State::Reached { id, at: NOW }];
        assert_eq!(states, expected);
        let failing = Failing { count: 3, since: NOW, retry_at: UnixTime(NOW.0 + 8) };
        assert_eq!(saved.hosts[1].failing(NOW), Some(failing));
        assert_eq!(saved.hosts[2].state(UnixTime(5)), State::Reached { id, at: UnixTime(5) }, "a clock set back");
    }

    #[test]
    fn a_kill_at_any_byte_of_a_save_leaves_the_old_book() {
        let folder = Folder::temporary();
        let (store, old, new) = (Store::in_folder(folder.path()), snapshot(1), encode(snapshot(5)).unwrap());
        store.save(old.clone()).unwrap();
        for written in 0..=new.len() {
            fs::write(store.unfinished(), &new[..written]).unwrap();
            assert_eq!(store.load(NOW).unwrap(), old, "killed after {written} bytes");
        }
        store.save(snapshot(5)).unwrap();
        assert_eq!(store.load(NOW).unwrap(), snapshot(5), "the leftover is no obstacle");
        assert_eq!(folder.names(), ["hosts"]);
    }

    #[test]
    fn no_part_of_a_file_is_taken_for_a_whole() {
        let many = (0..12).flat_map(|n| snapshot(n * 3).hosts).collect();
        for whole in [snapshot(1), Snapshot { hosts: many, bans: Vec::new() }] {
            let bytes = encode(whole.clone()).unwrap();
            for length in 0..bytes.len() {
                if let Ok(read) = decode(&bytes[..length]) {
                    assert_eq!(read, whole, "{length} of {} bytes", bytes.len());
                }
            }
        }
    }

    #[test]
    fn a_corrupt_file_is_kept_aside_and_overwrites_no_earlier_one() {
        let folder = Folder::temporary();
        let store = Store::in_folder(folder.path());
        let corrupt: [&[u8]; 4] = [b"not a book", b"\xff\xfe", b"", b"version = 9\n[end]\nhosts = 0\nbans = 0\n"];
        for bytes in corrupt {
            fs::write(store.path(), bytes).unwrap();
            assert_eq!(store.load(NOW).unwrap(), Snapshot::default());
        }
        let base = format!("hosts.corrupt-{}", NOW.0);
        assert_eq!(folder.names(), [base.clone(), format!("{base}-1"), format!("{base}-2"), format!("{base}-3")]);
        assert_eq!(fs::read(folder.file(&base)).unwrap(), b"not a book");
    }

    #[test]
    fn a_file_that_cannot_be_read_or_written_is_an_error_with_its_path() {
        let folder = Folder::temporary();
        let store = Store::in_folder(folder.path());
        fs::create_dir(store.path()).unwrap();
        let error = store.load(NOW).unwrap_err().to_string();
        assert!(error.starts_with(&format!("read {}: ", store.path().display())), "{error}");
        let error = store.save(snapshot(1)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("replace {}: ", store.path().display())), "{error}");
    }
}
