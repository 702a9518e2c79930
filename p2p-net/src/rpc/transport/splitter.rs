//! Where one message ends and the next begins in a run of bytes. Pure.
//!
//! A message ends with its line. So that tools which send no newline work as well (geth's own sockets need none), a list or
//! map also ends with its last bracket.

use super::Received;

/// Cuts bytes into messages of at most so many bytes.
#[derive(Debug)]
pub(crate) struct Splitter {
    most: usize,
    message: Vec<u8>,
    /// It began with a bracket.
    bracketed: bool,
    depth: usize,
    in_text: bool,
    escaped: bool,
    begun: bool,
    too_long: bool,
}

impl Splitter {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            message: Vec::new(),
            bracketed: false,
            depth: 0,
            in_text: false,
            escaped: false,
            begun: false,
            too_long: false,
        }
    }

    /// Takes bytes up to the end of a message: how many, and the message if it is whole.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> (usize, Option<Received>) {
        for (at, byte) in bytes.iter().enumerate() {
            if self.take(*byte) {
                return (at + 1, self.finish());
            }
        }
        (bytes.len(), None)
    }

    /// What has begun and will not end; `None` when nothing has.
    pub(crate) fn finish(&mut self) -> Option<Received> {
        let done = std::mem::replace(self, Self::new(self.most));
        if done.too_long {
            return Some(Received::TooLong);
        }
        done.begun.then_some(Received::Message(done.message))
    }

    /// Whether a message ends with this byte.
    fn take(&mut self, byte: u8) -> bool {
        if byte == b'\n' {
            return self.begun;
        }
        if !self.begun {
            if byte.is_ascii_whitespace() {
                return false;
            }
            self.begun = true;
            self.bracketed = matches!(byte, b'[' | b'{');
        }
        if self.message.len() == self.most {
            self.too_long = true;
            self.message = Vec::new();
        }
        if !self.too_long {
            self.message.push(byte);
        }
        self.closes(byte)
    }

    /// Whether this byte is the last bracket.
    fn closes(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_text => self.escaped = true,
            b'"' => self.in_text = !self.in_text,
            b'[' | b'{' if !self.in_text => self.depth += 1,
            b']' | b'}' if !self.in_text => {
                self.depth = self.depth.saturating_sub(1);
                return self.bracketed && self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(most: usize, chunks: &[&str]) -> Vec<String> {
        let (mut splitter, mut messages) = (Splitter::new(most), Vec::new());
        let mut keep = |received: Received| {
            messages.push(match received {
                Received::Message(bytes) => String::from_utf8(bytes).unwrap(),
                Received::TooLong => "too long".to_owned(),
            });
        };
        for chunk in chunks {
            let mut rest = chunk.as_bytes();
            while !rest.is_empty() {
                let (taken, received) = splitter.feed(rest);
                rest = &rest[taken..];
                received.into_iter().for_each(&mut keep);
            }
        }
        splitter.finish().into_iter().for_each(&mut keep);
        messages
    }

    #[test]
    fn a_message_ends_with_its_line_or_its_last_bracket() {
        assert_eq!(split(99, &["{\"a\":1}\n{\"b\":2}"]), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(split(99, &["{\"a\":1}[2]\r\n\n {}"]), ["{\"a\":1}", "[2]", "{}"]);
        assert_eq!(split(99, &["{\"a\":[1,", "{}],\"b\"", ":3}", "\n"]), ["{\"a\":[1,{}],\"b\":3}"]);
    }

    #[test]
    fn brackets_in_texts_are_letters() {
        assert_eq!(split(99, &["{\"}\\\"}\":1}{}"]), ["{\"}\\\"}\":1}", "{}"]);
    }

    #[test]
    fn what_is_no_json_ends_with_its_line() {
        assert_eq!(split(99, &["hello] {}\n{\"a\n{}\n"]), ["hello] {}", "{\"a", "{}"]);
        assert_eq!(split(99, &["{\"cut\":"]), ["{\"cut\":"], "nothing is lost at the end");
    }

    #[test]
    fn what_is_too_long_is_skipped_and_the_next_is_read() {
        assert_eq!(split(4, &["[1,2,3]\n[4]\n"]), ["too long", "[4]"]);
        assert_eq!(split(4, &["[1,2", ",3][4]"]), ["too long", "[4]"]);
        assert_eq!(split(4, &["[12][1]"]), ["[12]", "[1]"], "exactly the most is not too long");
    }
}
