//! The data folder: whose it is, and what is read from it.

use p2p_net::service::{ConfigError, FolderError, NewError};
use p2p_tests::folder::Folder;

use super::*;

#[test]
fn a_second_start_in_a_folder_and_at_a_port_is_the_same_node() {
    let folder = Folder::temporary();
    on_threads(2, async |ex| {
        let settings = Settings { data_dir: Some(folder.path().to_owned()), ..local() };
        let first = started(Node::builder(settings.clone()), &ex).await;
        let listened = first.node_info().listen;
        let somebody = "tls://203.0.113.7:9000".parse().unwrap();
        first.p2p().hosts().hear(&somebody, p2p_net::hosts::Source::Operator).unwrap();
        first.stop().await.unwrap();
        let again = started(Node::builder(Settings { listen: listened.clone(), ..settings }), &ex).await;
        assert_eq!((again.node_info().id, again.node_info().listen), (first.node_info().id, listened));
        assert!(again.p2p().hosts().list().iter().any(|(url, _)| *url == somebody));
        again.stop().await.unwrap();
    });
}

#[test]
fn one_folder_is_for_one_node() {
    let folder = Folder::temporary();
    on_threads(2, async |ex| {
        let settings = Settings { data_dir: Some(folder.path().to_owned()), ..local() };
        let first = started(Node::builder(settings.clone()), &ex).await;
        let error = Node::builder(settings.clone()).build().await.unwrap_err();
        let (folder, process) = (folder.path().display(), std::process::id());
        assert_eq!(
            error.to_string(),
            format!(
                "the data folder {folder} is in use by another node, process {process}: \
                 stop that one, or use another folder"
            )
        );
        assert!(matches!(error, NewError::Folder(FolderError::InUse { .. })));
        first.stop().await.unwrap();
        // The first is still held; its folder is free. One that is never started frees it when it goes.
        drop(Node::builder(settings.clone()).build().await.unwrap());
        let third = Node::builder(settings).build().await.unwrap();
        assert_eq!(third.node_info().id, first.node_info().id);
        third.stop().await.unwrap();
    });
}

#[test]
fn a_folder_that_cannot_be_made_is_a_clear_error() {
    let folder = Folder::temporary();
    std::fs::write(folder.file("file"), "").unwrap();
    let settings = Settings { data_dir: Some(folder.file("file")), ..local() };
    let error = smol::block_on(Node::builder(settings).build()).unwrap_err().to_string();
    assert!(error.starts_with("cannot use the data folder") && error.contains("file"), "{error}");
}

#[test]
fn the_configuration_is_read_from_the_folder() {
    let folder = Folder::temporary();
    let read = || smol::block_on(NodeSettings::in_folder(folder.path()));
    assert_eq!(
        read().unwrap(),
        NodeSettings::from(Settings { data_dir: Some(folder.path().to_owned()), ..Settings::default() })
    );
    let write = |text: &str| std::fs::write(folder.file("config.toml"), text).unwrap();
    write("name = \"foo\"\n[rpc.tcp]\napis = [\"foo\"]\n[services]\nstop_timeout = \"3s\"\n");
    let settings = read().unwrap();
    assert_eq!((settings.p2p.name.as_str(), settings.services.stop_timeout.as_secs()), ("foo", 3));
    assert_eq!(settings.rpc.tcp, Some(TcpSettings::offering(["foo"])));
    for (text, expected) in [
        ("nam = \"foo\"", "unknown key `nam`: did you mean `name`?"),
        ("[rpc.htp]", "unknown key `rpc.htp`: did you mean `rpc.http`?"),
        ("[rpc.tcp]\nlisten = 7", "`rpc.tcp.listen`: "),
        ("rpc = 7", "`rpc`: expected a table, found integer"),
        ("[services]\nstop_timeout = 3", "`services.stop_timeout`: invalid type"),
        ("data_dir = \"/elsewhere\"", "`data_dir` is the folder of this file: leave it out"),
    ] {
        write(text);
        let error = read().unwrap_err();
        let (shown, path) = (error.to_string(), folder.file("config.toml").display().to_string());
        assert!(shown.starts_with(&path) && shown.contains(expected), "{text}: {shown}");
        assert!(matches!(error, ConfigError::Settings { .. } | ConfigError::Elsewhere { .. }));
    }
}

#[test]
fn a_wrong_setting_of_the_rpc_is_named_when_the_node_is_made() {
    let rpc = RpcSettings { tcp: Some(TcpSettings::default()), ..RpcSettings::default() };
    let error = smol::block_on(Node::builder(local()).rpc(rpc).build()).unwrap_err().to_string();
    assert!(error.starts_with("`rpc.tcp.apis` is empty"), "{error}");
}
