//! Files of other writers with every codec; `reference/make_codecs.py` wrote them.

use std::path::PathBuf;

use betaflow_connectors::parquet::{Input, Settings};
use betaflow_engine::assembly::FrameColumn;
use betaflow_engine::frame::Field;

use crate::support::{line, run};

fn reference(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference/codecs").join(name)
}

/// Reads a file with closes and volumes; returns its frames as lines.
fn frames(input: &Input) -> Result<Vec<String>, String> {
    let optional = vec![FrameColumn { field: Field::Volume, checked: true }];
    let run = run(input, None, Settings { optional, ..Settings::default() })?;
    Ok(run.frames.iter().map(|frame| format!("{} {:?}", line(frame), frame.volume)).collect())
}

#[test]
fn every_codec_and_page_version_gives_the_same_frames() {
    let known = frames(&reference("pyarrow_none_1.parquet").into()).unwrap();
    assert_eq!(known.len(), 40);
    assert!(known[0].starts_with("0 d19723 +A,B | "), "{}", known[0]);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(reference("")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.starts_with("encrypted") {
            assert_eq!(frames(&reference(&name).into()).unwrap(), known, "{name}");
            names.push(name);
        }
    }
    assert_eq!(names.len(), 15);
}

#[test]
fn encrypted_files_are_reported_as_encrypted() {
    for name in ["encrypted.parquet", "encrypted_plain_footer.parquet"] {
        let error = frames(&reference(name).into()).unwrap_err();
        assert!(error.contains(&format!("{name}: found an encrypted Parquet file")), "{error}");
    }
}

#[test]
fn changed_byte_of_a_page_fails_its_checksum() {
    let bytes = std::fs::read(reference("pyarrow_none_1.parquet")).unwrap();
    let known = frames(&Input::Bytes { name: "whole".into(), bytes: bytes.clone().into() }).unwrap();
    let tail = bytes.len() - 8;
    // The footer has no checksum, so a changed column name would be read as another name.
    let footer = u32::from_le_bytes(bytes[tail..tail + 4].try_into().unwrap()) as usize;
    let (mut checksums, mut errors) = (0, 0);
    for at in 4..tail - footer {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        match frames(&Input::Bytes { name: "damaged".into(), bytes: damaged.into() }) {
            Ok(found) => assert_eq!(found, known, "byte {at}"),
            Err(error) => {
                assert!(error.starts_with("damaged: "), "byte {at}: {error}");
                checksums += usize::from(error.contains("checksum (CRC-32)"));
                errors += 1;
            }
        }
    }
    assert!(checksums > 1_000 && errors > checksums, "{checksums} of {errors}");
}
