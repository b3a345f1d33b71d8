//! Server-sent events, as far as an exchange sends them: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

/// The longest line and the most data of one event, bytes.
const MOST_BYTES: usize = 1 << 20;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Its type; `message` where none was named.
    pub event: String,
    /// The last id that was named, by it or before it.
    pub id: String,
    /// Its data.
    pub data: String,
}

/// An event is longer than any may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {MOST_BYTES} bytes")]
pub struct TooLong;

/// Reads events out of pieces of any size.
#[derive(Clone, Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    after_return: bool,
    event: String,
    id: String,
    data: Option<String>,
}

impl Parser {
    /// A parser at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a piece; whole events are handed to `on`.
    ///
    /// # Errors
    /// [`TooLong`]; the parser is of no use afterwards.
    pub fn push(&mut self, piece: &[u8], mut on: impl FnMut(Message)) -> Result<(), TooLong> {
        let mut rest = piece;
        while let Some((first, more)) = rest.split_first() {
            if std::mem::take(&mut self.after_return) && *first == b'\n' {
                rest = more;
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
            if self.line.len().saturating_add(part.len()) > MOST_BYTES {
                return Err(TooLong);
            }
            let Some((ending, after)) = after.split_first() else {
                self.line.extend_from_slice(part);
                return Ok(());
            };
            self.after_return = *ending == b'\r';
            let message = if self.line.is_empty() {
                self.line(&String::from_utf8_lossy(part))?
            } else {
                self.line.extend_from_slice(part);
                let line = std::mem::take(&mut self.line);
                self.line(&String::from_utf8_lossy(&line))?
            };
            if let Some(message) = message {
                on(message);
            }
            rest = after;
        }
        Ok(())
    }

    fn line(&mut self, line: &str) -> Result<Option<Message>, TooLong> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            let event = if event.is_empty() { "message".to_owned() } else { event };
            return Ok(self.data.take().map(|data| Message { event, id: self.id.clone(), data }));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "data" => match &mut self.data {
                Some(data) if data.len().saturating_add(value.len()) > MOST_BYTES => return Err(TooLong),
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            // A comment, `retry`, or a field that later versions have.
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(stream: &[u8], piece: usize) -> Vec<Message> {
        let mut parser = Parser::new();
        let mut messages = Vec::new();
        for chunk in stream.chunks(piece) {
            parser.push(chunk, |message| messages.push(message)).unwrap();
        }
        messages
    }

    fn message(event: &str, id: &str, data: &str) -> Message {
        Message { event: event.to_owned(), id: id.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn events_are_read_however_the_stream_is_cut() {
        let stream = "event: progress\ndata: {\"ä\":1}\n\n: still here\n\nevent:result\r\nid: 7\r\ndata: a\r\ndata:b\r\n\r\ndata\n\nevent: unfinished\ndata: x\n";
        let expected =
            [message("progress", "", "{\"ä\":1}"), message("result", "7", "a\nb"), message("message", "7", "")];
        for piece in 1..=stream.len() {
            assert_eq!(all(stream.as_bytes(), piece), expected, "pieces of {piece}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut parser = Parser::new();
        let piece = vec![b'x'; MOST_BYTES + 1];
        assert_eq!(parser.push(&piece, |_| {}), Err(TooLong));
    }
}
