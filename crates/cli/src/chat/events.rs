//! Server-sent events, read piece by piece.

use serde_json::Value;

/// One event.
#[derive(Debug, PartialEq)]
pub(super) struct Event {
    pub(super) kind: String,
    pub(super) data: Value,
}

/// Turns bytes into events; what is not whole yet waits.
#[derive(Default)]
pub(super) struct Reader {
    rest: Vec<u8>,
    kind: String,
    data: String,
}

impl Reader {
    /// Takes bytes, gives the events they finish.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.rest.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                events.extend(self.finish());
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut self.kind),
                "data" => {
                    if !self.data.is_empty() {
                        self.data.push('\n');
                    }
                    self.data.push_str(value);
                }
                // Comments keep the connection alive; ids are for who comes back.
                _ => {}
            }
        }
        events
    }

    fn finish(&mut self) -> Option<Event> {
        let (kind, data) = (std::mem::take(&mut self.kind), std::mem::take(&mut self.data));
        if kind.is_empty() && data.is_empty() {
            return None;
        }
        let data = serde_json::from_str(&data).unwrap_or(Value::String(data));
        Some(Event { kind, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events_are_whole_however_the_bytes_come() {
        let stream = ": hello\n\nevent: sent\ndata: {\"thread_id\":\"t\"}\n\nid: 4\r\nevent: delta\r\ndata: {\"text\":\
                      \"añ🦀\"}\r\n\r\nevent: end\ndata: {\ndata: \"a\":1}\n\n";
        for step in 1..stream.len() {
            let mut reader = Reader::default();
            let events: Vec<Event> =
                stream.as_bytes().chunks(step).flat_map(|piece| reader.feed(piece)).collect();
            let seen: Vec<(&str, Value)> = events.iter().map(|e| (e.kind.as_str(), e.data.clone())).collect();
            assert_eq!(
                seen,
                [
                    ("sent", json!({ "thread_id": "t" })),
                    ("delta", json!({ "text": "añ🦀" })),
                    ("end", json!({ "a": 1 }))
                ],
                "{step}"
            );
        }
    }
}
