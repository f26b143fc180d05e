//! A strict JSON reader: what two readers could understand differently is refused, with a pointer.
//!
//! Duplicate keys, NUL, too deep nesting and anything after the value are errors.

use api::{ApiError, Code, FieldError};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::{cell::RefCell, fmt};

/// Deepest nesting.
const MAX_DEPTH: usize = 64;

/// Reads one JSON value.
///
/// # Errors
/// `malformed` for what is no JSON, `invalid` for what is ambiguous or too deep.
pub(super) fn read(bytes: &[u8]) -> Result<Value, ApiError> {
    if let Err(error) = std::str::from_utf8(bytes) {
        let text = format!("not UTF-8 at byte {}", error.valid_up_to());
        return Err(fault(Code::Malformed, String::new(), text));
    }
    let state = State::default();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { state: &state, depth: 0 }.deserialize(&mut reader);
    match value.and_then(|value| reader.end().map(|()| value)) {
        Ok(value) => Ok(value),
        Err(error) => Err(match state.rule.take() {
            Some(rule) => fault(Code::Invalid, state.pointer(), rule.to_owned()),
            None => fault(Code::Malformed, state.pointer(), syntax(&error)),
        }),
    }
}

fn fault(code: Code, pointer: String, detail: String) -> ApiError {
    let mut error = ApiError::new(code, format!("The body is not acceptable JSON: {detail}."));
    error.fields.push(FieldError { pointer, detail });
    error
}

/// What is wrong and where; never a piece of the text itself.
fn syntax(error: &serde_json::Error) -> String {
    let what = if error.is_eof() { "it ends too early" } else { "it cannot be read" };
    format!("{what} at line {}, column {}", error.line(), error.column())
}

#[derive(Default)]
struct State {
    /// Keys and indexes down to where the reader stands; left as it is when an error ends the reading.
    path: RefCell<Vec<String>>,
    /// The rule of ours that was broken, if it was not JSON's own.
    rule: RefCell<Option<&'static str>>,
}

impl State {
    fn pointer(&self) -> String {
        self.path
            .borrow()
            .iter()
            .map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1")))
            .collect()
    }
    fn broken<E: Error>(&self, rule: &'static str) -> E {
        *self.rule.borrow_mut() = Some(rule);
        E::custom(rule)
    }
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    state: &'a State,
    depth: usize,
}

impl Strict<'_> {
    fn text<E: Error>(&self, text: &str) -> Result<(), E> {
        if text.contains('\0') { Err(self.state.broken("it holds a NUL character")) } else { Ok(()) }
    }
    fn inner<E: Error>(&self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            // Where exactly matters to nobody; a pointer of 64 parts would only be long.
            self.state.path.borrow_mut().clear();
            return Err(self.state.broken("it is nested too deeply"));
        }
        Ok(Self { depth: self.depth + 1, ..*self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| self.state.broken("a number is out of range"))
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.text(value)?;
        Ok(Value::String(value.to_owned()))
    }
    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        self.text(&value)?;
        Ok(Value::String(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        loop {
            self.state.path.borrow_mut().push(items.len().to_string());
            let Some(item) = seq.next_element_seed(inner)? else { break };
            items.push(item);
            self.state.path.borrow_mut().pop();
        }
        self.state.path.borrow_mut().pop();
        Ok(Value::Array(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            self.text(&key)?;
            self.state.path.borrow_mut().push(key.clone());
            if members.contains_key(&key) {
                return Err(self.state.broken("a key stands there twice"));
            }
            let value = map.next_value_seed(inner)?;
            members.insert(key, value);
            self.state.path.borrow_mut().pop();
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &[u8]) -> (u16, String) {
        let error = read(text).expect_err("must be refused");
        (error.code.status(), error.fields.first().map(|f| f.pointer.clone()).unwrap_or_default())
    }

    #[test]
    fn good_json_is_read_as_it_is() {
        let text = r#"{"a":[1,-2,2.5,true,null,"x"],"b":{"c":18446744073709551615}}"#;
        assert_eq!(read(text.as_bytes()).ok(), serde_json::from_str(text).ok());
    }

    #[test]
    fn what_is_ambiguous_is_refused_where_it_stands() {
        assert_eq!(refused(br#"{"a":1,"a":2}"#), (422, "/a".into()));
        assert_eq!(refused(br#"{"x":[{"a":1},{"a":1,"a":2}]}"#), (422, "/x/1/a".into()));
        assert_eq!(refused(br#"{"a":{"n":"x\u0000y"}}"#), (422, "/a/n".into()));
        assert_eq!(refused("[".repeat(10_000).as_bytes()).0, 422);
        assert_eq!(refused(format!("{{\"a\":{}1{}}}", "[".repeat(65), "]".repeat(65)).as_bytes()).0, 422);
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        for text in ["", "{", "{} x", "{\"a\":}", "nul", "{\"a\":1e999}", "'a'", "{\"a\" 1}"] {
            assert_eq!(refused(text.as_bytes()).0, 400, "{text}");
        }
        assert_eq!(refused(b"{\"a\":\"\xff\"}").0, 400);
        assert_eq!(refused(br#"{"a":{"b":tru}}"#), (400, "/a/b".into()));
    }
}
