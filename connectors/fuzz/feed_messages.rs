//! Messages of betaflow's own protocol. A message that parses is written and parsed again to the same message.

use betaflow_connectors::live::{ClientMessage, ServerMessage, shown};

use super::harness::{Target, assert_error};

const WORDS: [&str; 22] = [
    r#"{"type":"bars","#,
    r#"{"type":"hello","#,
    r#"{"type":"subscribe","#,
    r#""protocol":1,"#,
    r#""from":"#,
    r#""to":"#,
    r#""seq":"#,
    r#""timestamp":"#,
    r#""symbols":["#,
    r#""columns":{"#,
    r#""close":["#,
    r#""factors":["#,
    r#""rf":"#,
    r#""factor_rows":[["#,
    r#""frames":"#,
    r#""recorded":true"#,
    r#""values":"returns""#,
    "unavailable",
    "heartbeat",
    "\\u0000",
    "\\ud800",
    "[[[[[[[[",
];

/// Text of a message that shows every number by its digits.
fn text_of(message: &ServerMessage) -> String {
    format!("{message:?}")
}

#[test]
fn feed_server_messages() {
    Target::new("feed_server_messages").words(&WORDS).run(|bytes| {
        let text = &*String::from_utf8_lossy(bytes);
        match ServerMessage::parse(text, 7) {
            Err(error) => assert_error(&error.to_string(), &["message 7"]),
            // A message of a later version has no text in this one.
            Ok(ServerMessage::Unknown(kind)) => drop(shown(&kind)),
            Ok(message) => {
                let written = message.to_text();
                let again = ServerMessage::parse(&written, 7).map(|message| text_of(&message));
                assert_eq!(again, Ok(text_of(&message)), "{text}: {written}");
            }
        }
    });
}

#[test]
fn feed_client_messages() {
    Target::new("feed_client_messages").words(&WORDS).run(|bytes| {
        let text = &*String::from_utf8_lossy(bytes);
        match ClientMessage::parse(text, 7) {
            Err(error) => assert_error(&error.to_string(), &["message 7"]),
            Ok(message) => assert_eq!(ClientMessage::parse(&message.to_text(), 7), Ok(message)),
        }
    });
}
