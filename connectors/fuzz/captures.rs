//! Captures of messages as JSON lines.

use betaflow_connectors::live::Capture;

use super::harness::Target;

const WORDS: [&str; 8] = ["recv_ns", "conn", "dir", "raw", "\"in\"", "\"out\"", "[[[[", "{\"a\":"];

#[test]
fn captures() {
    let folder = tempfile::tempdir().unwrap();
    Target::new("captures").words(&WORDS).run(move |bytes| {
        let path = folder.path().join("capture.jsonl");
        std::fs::write(&path, bytes).unwrap();
        let mut capture = Capture::open(&path).unwrap();
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
        for _ in 0..=lines {
            match capture.read() {
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => return assert!(error.to_string().contains("capture.jsonl"), "{error}"),
            }
        }
        panic!("more messages than lines");
    });
}
