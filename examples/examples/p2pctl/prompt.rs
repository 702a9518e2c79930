//! A prompt: methods are completed with Tab, lines are remembered, errors do not end it.

use std::io::IsTerminal;

use p2p_examples::Outcome;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Context, Editor, Helper};

use crate::session::Session;
use crate::words::{split, value};

const HELP: &str = "METHOD [ARGUMENT..]   calls a method; arguments are JSON, or else plain text
NAMESPACE_subscribe NAME   follows a subscription until Ctrl-C
methods   lists what there is to call
exit   or Ctrl-D: leaves";

pub async fn run(mut session: Session) -> Outcome {
    let names = session.names().await;
    let mut editor: Editor<Names, MemHistory> = Editor::with_history(Config::default(), MemHistory::new())?;
    editor.set_helper(Some(Names(names.clone())));
    // A script that feeds it sees answers and nothing else.
    let prompt = if std::io::stdin().is_terminal() { "> " } else { "" };
    loop {
        // Reading a terminal blocks; the connection goes on meanwhile.
        let (back, line) = smol::unblock(move || {
            let line = editor.readline(prompt);
            (editor, line)
        })
        .await;
        editor = back;
        let line = match line {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        // Without a history there is only nothing to go back to.
        let _ = editor.add_history_entry(line.as_str());
        match split(&line).as_slice() {
            [] => {}
            ["exit" | "quit"] => return Ok(()),
            ["help"] => println!("{HELP}"),
            ["methods"] => println!("{}", names.join("\n")),
            [method, arguments @ ..] => {
                let arguments = arguments.iter().map(|word| value(word)).collect();
                if let Err(failure) = session.run(method, arguments).await {
                    if failure.is_final() {
                        return Err(failure.into());
                    }
                    eprintln!("error: {failure}");
                }
            }
        }
    }
}

/// Completes the first word of a line.
struct Names(Vec<String>);

impl Completer for Names {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let begun = line.get(..at).unwrap_or_default().trim_start();
        if begun.contains(char::is_whitespace) {
            return Ok((at, Vec::new()));
        }
        let own = ["exit", "help", "methods"];
        let all = self.0.iter().map(String::as_str).chain(own);
        let fitting = all.filter(|name| name.starts_with(begun)).map(str::to_owned);
        Ok((at - begun.len(), fitting.collect()))
    }
}

impl Hinter for Names {
    type Hint = String;
}
impl Highlighter for Names {}
impl Validator for Names {}
impl Helper for Names {}
