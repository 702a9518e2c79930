//! The data folder: who a node is and whom it knows, from one start to the next.

mod common;

use std::path::Path;

use common::{bare, local, logs, on_threads};
use p2p_net::{P2p, ProtocolSet, Settings};
use p2p_tests::folder::{Folder, names};
use smol::future;

fn settings(folder: &Path) -> Settings {
    Settings { data_dir: Some(folder.to_owned()), ..local() }
}

#[test]
fn a_second_start_is_the_same_node_with_the_same_address_book() {
    let folder = Folder::temporary();
    let data = folder.file("made/at/start");
    let heard = "tls://203.0.113.7:9000".parse().unwrap();
    on_threads(1, async |ex| {
        let first = bare(settings(&data)).await;
        first.clone().start(ex.clone()).await.unwrap();
        first.hosts().hear(&heard, p2p_net::hosts::Source::Operator).unwrap();
        first.stop().await;
        assert_eq!(names(&data), ["hosts", "identity"]);
        let second = bare(settings(&data)).await;
        assert_eq!(second.id(), first.id());
        second.clone().start(ex.clone()).await.unwrap();
        assert_eq!(second.hosts().list().iter().map(|(url, _)| url).collect::<Vec<_>>(), [&heard]);
        second.stop().await;
    });
}

#[test]
fn a_corrupt_address_book_is_kept_aside_and_the_start_goes_on() {
    let (folder, log) = (Folder::temporary(), logs::capture());
    std::fs::write(folder.file("hosts"), "version = 1\n[[host]]\nurl = ").unwrap();
    on_threads(1, async |ex| {
        let node = bare(settings(folder.path())).await;
        node.clone().start(ex.clone()).await.unwrap();
        assert_eq!(node.hosts().list().len(), 0);
        node.stop().await;
    });
    let names = names(folder.path());
    assert_eq!((names.len(), names[1].starts_with("hosts.corrupt-")), (3, true), "{names:?}");
    assert_eq!(std::fs::read_to_string(folder.file(&names[1])).unwrap(), "version = 1\n[[host]]\nurl = ");
    let warned = |line: &&String| line.starts_with("WARN net") && line.contains("is no address book");
    let path = folder.file("hosts").display().to_string();
    assert!(log.lines().iter().filter(warned).any(|line| line.contains(&path)), "{:?}", log.lines());
}

#[test]
fn a_corrupt_identity_is_a_clear_error_and_is_not_touched() {
    let folder = Folder::temporary();
    std::fs::write(folder.file("identity"), "not a key").unwrap();
    let made = future::block_on(
        P2p::builder(settings(folder.path())).protocols(ProtocolSet::empty()).without_handshake().build(),
    );
    let error = made.map(drop).unwrap_err().to_string();
    assert!(
        error.contains(&folder.file("identity").display().to_string()) && error.contains("no secret key"),
        "{error}"
    );
    assert_eq!(std::fs::read_to_string(folder.file("identity")).unwrap(), "not a key");
}
