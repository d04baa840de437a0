//! Page headers encoded here by the definition of the format.
#![allow(clippy::unwrap_used)]

use parquet::basic::Encoding;

use super::{Header, PageKind};

/// Integer field with the number of the field, in two bytes or three; numbers up to 63.
fn int(number: u8, value: u8) -> Vec<u8> {
    vec![5, number * 2, value * 2]
}

fn structure(number: u8, fields: &[Vec<u8>]) -> Vec<u8> {
    [&[12, number * 2], &fields.concat()[..], &[0]].concat()
}

/// Header of a page type with sizes of 40 and 30 bytes.
fn page(kind: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    [int(1, kind), int(2, 40), int(3, 30), parts.concat(), vec![0]].concat()
}

fn read(bytes: &[u8]) -> Result<Option<(Header, usize)>, String> {
    Header::read(bytes).map_err(|error| error.to_string())
}

#[test]
fn headers_of_all_pages_are_read_with_their_length() {
    let data = structure(5, &[int(1, 9), int(2, 0), int(3, 3), int(4, 3)]);
    let dictionary = structure(7, &[int(1, 8), int(2, 2), vec![1, 6]]);
    let second = |flags: Vec<u8>| {
        structure(8, &[int(1, 9), int(2, 4), int(3, 5), int(4, 8), int(5, 6), int(6, 7), flags])
    };
    let v2 = |compressed| PageKind::DataV2 {
        values: 9,
        nulls: 4,
        rows: 5,
        encoding: Encoding::RLE_DICTIONARY,
        levels: 6,
        repetition: 7,
        compressed,
    };
    let plain = PageKind::Data { values: 9, encoding: Encoding::PLAIN, levels: Encoding::RLE };
    let levels = structure(5, &[int(1, 9), int(2, 9), int(3, 4), int(4, 3)]);
    // Statistics are skipped, booleans and binaries with a number beyond the known fields too.
    let statistics = structure(
        5,
        &[
            int(1, 9),
            int(2, 0),
            int(3, 3),
            int(4, 3),
            structure(5, &[vec![8, 2, 2, 1, 1]]),
            vec![1, 18],
            vec![2, 126],
            vec![8, 126, 1, 7],
        ],
    );
    let cases = [
        (page(0, &[data]), plain.clone()),
        (page(0, &[statistics]), plain),
        (
            page(0, &[levels]),
            PageKind::Data { values: 9, encoding: Encoding::BYTE_STREAM_SPLIT, levels: Encoding::PLAIN },
        ),
        (page(1, &[structure(6, &[])]), PageKind::Index),
        (page(2, &[dictionary]), PageKind::Dictionary { values: 8, encoding: Encoding::PLAIN_DICTIONARY }),
        (page(3, &[second(vec![])]), v2(true)),
        (page(3, &[second(vec![1, 14])]), v2(true)),
        (page(3, &[second(vec![2, 14])]), v2(false)),
    ];
    for (bytes, kind) in cases {
        let header = Header { compressed: 30, uncompressed: 40, crc: None, kind };
        let padded = [&bytes[..], &[0xff; 3]].concat();
        assert_eq!(read(&padded), Ok(Some((header, bytes.len()))), "{bytes:?}");
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]), Ok(None), "{length} of {bytes:?}");
        }
    }
    let crc = read(&page(1, &[vec![5, 8, 1]])).unwrap().unwrap().0.crc;
    assert_eq!(crc, Some(u32::MAX), "a checksum is a number without a sign");
}

#[test]
fn encodings_have_the_numbers_of_the_format() {
    let encoding = |number| match read(&page(2, &[structure(7, &[int(1, 1), int(2, number)])])) {
        Ok(Some((Header { kind: PageKind::Dictionary { encoding, .. }, .. }, _))) => Some(encoding),
        _ => None,
    };
    let known = [
        Some(Encoding::PLAIN),
        None,
        Some(Encoding::PLAIN_DICTIONARY),
        Some(Encoding::RLE),
        None,
        Some(Encoding::DELTA_BINARY_PACKED),
        Some(Encoding::DELTA_LENGTH_BYTE_ARRAY),
        Some(Encoding::DELTA_BYTE_ARRAY),
        Some(Encoding::RLE_DICTIONARY),
        Some(Encoding::BYTE_STREAM_SPLIT),
        None,
    ];
    assert_eq!((0..11).map(encoding).collect::<Vec<_>>(), known);
}

#[test]
fn headers_without_their_parts_are_refused() {
    let data = structure(5, &[int(1, 9), int(2, 0), int(3, 3), int(4, 3)]);
    let dictionary = structure(7, &[int(1, 8), int(2, 2)]);
    let cases = [
        (page(0, std::slice::from_ref(&dictionary)), "lacks the part"),
        (page(2, std::slice::from_ref(&data)), "lacks the part"),
        (page(3, std::slice::from_ref(&data)), "lacks the part"),
        (page(4, std::slice::from_ref(&data)), "unknown page type 4"),
        (page(0, &[structure(5, &[int(1, 9), int(3, 3), int(4, 3)])]), "lacks a number"),
        (
            page(0, &[structure(5, &[vec![5, 2, 1], int(2, 0), int(3, 3)])]),
            "the number -1, expected at least 0",
        ),
        (page(0, &[structure(5, &[vec![6, 2, 2], int(2, 0), int(3, 3)])]), "not an integer of 32 bits"),
        (page(0, &[vec![5, 10, 2]]), "not a structure"),
        ([int(1, 0), int(2, 40), data.clone(), vec![0]].concat(), "lacks a number"),
        ([int(1, 0), int(3, 40), data, vec![0]].concat(), "lacks a number"),
    ];
    for (bytes, expected) in cases {
        let error = read(&bytes).unwrap_err();
        assert!(error.contains(expected), "{bytes:?}: {error}");
    }
}
