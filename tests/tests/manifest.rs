//! The gate of wire compatibility: what a manifest keeps of real protocols, what the gate says, and what it accepts.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use p2p_net::ProtocolSet;
use p2p_net::manifest::{Asks, Manifest, Rule, Type};
use p2p_net::testing::manifest::{self, Accept, Refused};

/// As it was released.
mod released {
    use p2p_net::prelude::*;

    /// A line of text.
    #[derive(Message, Serialize, Deserialize)]
    #[message(max_bytes = 4096, rate = "100/10s")]
    struct Say {
        /// What is said.
        text: String,
        mood: Option<Mood>,
    }

    /// How it is said.
    #[derive(Schema, Serialize, Deserialize)]
    enum Mood {
        /// In good spirits.
        Gay,
        Grey {
            /// From 0 to 10.
            shade: u8,
        },
    }

    #[derive(Message, Serialize, Deserialize)]
    #[message(max_bytes = 16, stream = Line)]
    struct History {
        most: u32,
    }

    #[derive(Message, Serialize, Deserialize)]
    #[message(max_bytes = 4096)]
    struct Line(String);

    #[derive(Default)]
    pub struct Chat;

    /// Talk.
    #[protocol(sessions = !SEED)]
    impl Chat {
        #[on]
        async fn say(&self, say: Say) {
            drop((say.text, say.mood));
        }

        #[on]
        async fn history(&self, history: History) -> impl Stream<Item = Line> {
            futures::stream::iter((0..history.most).map(|n| Line(n.to_string())))
        }
    }
}

/// The same name and version, with another struct.
mod changed {
    use p2p_net::prelude::*;

    /// A line of text.
    #[derive(Message, Serialize, Deserialize)]
    #[message(max_bytes = 8192, rate = "100/10s")]
    struct Say {
        /// What is said.
        text: Bytes,
        mood: Option<Mood>,
    }

    /// How it is said.
    #[derive(Schema, Serialize, Deserialize)]
    enum Mood {
        Gay,
        Grey { shade: u8, tint: u8 },
    }

    #[derive(Default)]
    pub struct Chat;

    /// Talk.
    #[protocol(sessions = !SEED)]
    impl Chat {
        #[on]
        async fn say(&self, say: Say) {
            let Some(Mood::Grey { shade, tint }) = say.mood else { return };
            drop((say.text, shade, tint));
        }
    }
}

/// The same change under a new version.
mod bumped {
    use p2p_net::prelude::*;

    #[derive(Message, Serialize, Deserialize)]
    pub struct Say {
        text: Bytes,
    }

    /// Talk.
    #[protocol(sessions = !SEED, version = 2)]
    pub async fn chat(say: Say) {
        drop(say.text);
    }
}

fn released() -> Manifest {
    ProtocolSet::empty().with::<released::Chat>().manifest()
}

fn changed() -> Manifest {
    ProtocolSet::empty().with::<changed::Chat>().manifest()
}

fn bumped() -> Manifest {
    ProtocolSet::empty().with::<bumped::chat>().manifest()
}

/// A file of a test's own, which is not there yet.
struct File(PathBuf);

impl File {
    fn new(test: &str) -> Self {
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.json"));
        let _ = fs::remove_file(&file);
        Self(file)
    }

    fn of(test: &str, manifest: &Manifest) -> Self {
        let file = Self::new(test);
        assert!(manifest::compare(manifest.clone(), &file.0, Accept::Yes).unwrap().is_empty());
        file
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.0).unwrap()
    }

    fn refused(&self, code: Manifest, accept: Accept) -> String {
        manifest::compare(code, &self.0, accept).unwrap_err().to_string()
    }
}

#[test]
fn a_manifest_keeps_fields_limits_answers_and_what_was_said_about_them() {
    let chat = &released().protocols[0];
    assert_eq!((chat.docs.as_str(), chat.sessions.to_string().as_str()), ("Talk.", "inbound|outbound|manual|relayed"));
    let [history, say] = chat.messages.as_slice() else { panic!("{chat:?}") };
    assert_eq!((say.docs.as_str(), say.max_bytes), ("A line of text.", 4096));
    assert_eq!(say.rate.unwrap().to_string(), "100 per 10s, burst 100");
    let Type::Struct { fields, .. } = &say.shape else { panic!("{:?}", say.shape) };
    assert_eq!((fields[0].docs.as_str(), fields[0].shape.to_string().as_str()), ("What is said.", "text"));
    let Type::Option(mood) = &fields[1].shape else { panic!("{:?}", fields[1]) };
    let Type::Enum { name, docs, variants } = mood.as_ref() else { panic!("{mood:?}") };
    assert_eq!(
        (name.as_str(), docs.as_str(), variants[0].docs.as_str()),
        ("Mood", "How it is said.", "In good spirits.")
    );
    assert_eq!(variants[1].fields[0].docs, "From 0 to 10.");
    assert_eq!(history.answer.as_ref().unwrap().message().name, "line");
}

#[test]
fn another_struct_under_the_same_version_is_told_field_by_field() {
    let file = File::of("told", &released());
    let report = file.refused(changed(), Accept::No);
    let report = report.replace(&file.0.display().to_string(), "protocols.json");
    assert_eq!(report, include_str!("manifest/report.txt").trim_end());
}

#[test]
fn the_book_shows_this_report() {
    let page = include_str!("../../docs/book/src/compatibility.md");
    let shown: Vec<_> = page.split("```text\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(shown.len(), 2);
    for part in shown {
        assert!(include_str!("manifest/report.txt").contains(part), "{part}");
    }
}

#[test]
fn a_break_without_a_new_version_is_refused_even_when_it_is_to_be_accepted() {
    let file = File::of("break", &released());
    let before = file.text();
    let report = file.refused(changed(), Accept::Yes);
    assert!(report.contains("write `#[protocol(version = 2, ..)]`"), "{report}");
    assert!(report.ends_with("a change that asks for a new version is not accepted."), "{report}");
    assert_eq!(file.text(), before);
}

#[test]
fn the_same_change_under_a_new_version_is_accepted() {
    let file = File::of("bump", &released());
    let report = file.refused(bumped(), Accept::No);
    assert!(report.ends_with("To accept this, run the test with P2P_ACCEPT=1 and commit the file."), "{report}");
    let changes = manifest::compare(bumped(), &file.0, Accept::Yes).unwrap();
    let found: Vec<_> = changes.iter().map(|change| (change.rule, change.asks)).collect();
    assert_eq!(found, [(Rule::VersionRemoved, Asks::Note), (Rule::VersionAdded, Asks::Note)]);
    assert!(manifest::compare(bumped(), &file.0, Accept::No).unwrap().is_empty());
}

#[test]
fn a_draft_is_accepted_and_stays_one() {
    let file = File::of("draft", &released());
    fs::write(&file.0, file.text().replace("\"version\": 1,", "\"version\": 1,\n      \"draft\": true,")).unwrap();
    assert!(file.refused(changed(), Accept::No).contains("asks a look, since this version is a draft"));
    manifest::compare(changed(), &file.0, Accept::Yes).unwrap();
    assert!(file.text().contains("\"draft\": true"), "{}", file.text());
    assert!(manifest::compare(changed(), &file.0, Accept::No).unwrap().is_empty());
}

#[test]
fn words_ask_nothing_but_are_kept() {
    let mut reworded = released();
    reworded.protocols[0].docs = "Chatter.".to_owned();
    let file = File::of("words", &released());
    assert!(file.refused(reworded.clone(), Accept::No).contains("docs: words do not travel\n    asks nothing"));
    manifest::compare(reworded, &file.0, Accept::Yes).unwrap();
    assert!(file.text().contains("Chatter."));
}

#[test]
fn what_cannot_be_compared_is_explained() {
    let file = File::new("missing");
    assert!(file.refused(released(), Accept::No).contains("run this test once with P2P_ACCEPT=1 to make it"));
    assert!(matches!(manifest::compare(Manifest::default(), &file.0, Accept::Yes), Err(Refused::Empty)));
    let mut twins = released();
    twins.protocols.extend(released().protocols);
    assert!(file.refused(twins, Accept::Yes).contains("two protocols are called chat/1"));
    fs::write(&file.0, "<<<<<<< ours").unwrap();
    let report = file.refused(released(), Accept::Yes);
    assert!(report.contains("it is no manifest: expected value at line 1 column 1; mend the file"), "{report}");
    assert_eq!(file.text(), "<<<<<<< ours");
    let folder = File(file.0.join("not_there.json"));
    assert!(matches!(manifest::compare(released(), &folder.0, Accept::Yes), Err(Refused::Io(..))));
}

#[test]
fn a_crate_is_told_from_what_is_plugged_in_beside_it() {
    use p2p_protocols as _;
    let names = |name: &str| ProtocolSet::linked().of_crate(name).iter().map(|known| known.name).collect::<Vec<_>>();
    assert_eq!(names("p2p-protocols"), ["version", "address", "ping"]);
    assert_eq!(names("manifest"), ["chat", "chat", "chat"]);
    assert!(names("p2p").is_empty());
}

/// Where [`the_variable_accepts`] has its file; run by it alone, in a process of its own.
const FILE: &str = "P2P_TESTS_MANIFEST";

#[test]
fn checked_in_another_process() {
    if let Ok(file) = env::var(FILE) {
        manifest::check(released(), file);
    }
}

#[test]
fn the_variable_accepts() {
    let file = File::new("variable");
    let check = |accept: Option<&str>| {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "checked_in_another_process", "--nocapture"]).env(FILE, &file.0);
        command.env_remove(manifest::ACCEPT);
        accept.map(|accept| command.env(manifest::ACCEPT, accept));
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (holds, said) = check(None);
    assert!(!holds && said.contains("there is no manifest at"), "{said}");
    assert!(!check(Some("0")).0 && !file.0.exists());
    let (holds, said) = check(Some("please"));
    assert!(
        !holds && said.contains("P2P_ACCEPT is 1 to accept what changed, or not set; it is Ok(\"please\")"),
        "{said}"
    );
    assert!(check(Some("1")).0);
    assert_eq!(Manifest::from_json(&file.text()).unwrap(), released());
    assert!(check(None).0);
}
