//! Sizes of pages against the budget of a row group and the bounds of their values.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::PageReader as _;

use super::{Budget, Chunks, Header, PageKind, Pages, Storage};

/// Reader of a chunk of doubles without a page.
fn pages(codec: Compression, budget: usize) -> Pages {
    Pages {
        chunks: Chunks::Bytes(Bytes::new()),
        name: "close".to_owned(),
        codec,
        storage: Storage { physical: Type::DOUBLE, width: 8, text_bytes_max: 4096 },
        is_optional: true,
        at: 0,
        end: 0,
        left: 0,
        index: 0,
        dictionary: None,
        budget: Arc::new(Budget::new(budget)),
        shares: [None, None],
    }
}

fn header(compressed: usize, uncompressed: usize) -> Header {
    Header { compressed, uncompressed, crc: None, kind: PageKind::Index }
}

#[test]
fn memory_of_a_page_returns_to_the_budget() {
    let budget = Arc::new(Budget::new(10));
    let first = budget.take(6).unwrap();
    let second = budget.take(4).unwrap();
    let full = budget.take(1).unwrap_err().to_string();
    assert!(full.contains("need more than 10 bytes"), "{full}");
    drop(first);
    assert!(budget.take(7).is_err());
    let first = budget.take(6).unwrap();
    drop((first, second));
    assert_eq!(budget.take(10).unwrap().bytes, 10);
    assert!(budget.take(11).is_err());
}

#[test]
fn page_has_at_most_the_bytes_that_its_values_can_need() {
    // A value needs its 8 bytes and at most 16 more, and a page at most 1 MiB besides.
    let max = 3 * (8 + 16) + (1 << 20);
    let pages = pages(Compression::UNCOMPRESSED, 2 * max);
    let read = |size: usize| pages.decompressed(&header(size, size), vec![7; size].into(), 0, true, 3);
    for size in [0, 24, max - 1, max] {
        let (content, share) = read(size).unwrap();
        assert_eq!((content.len(), share.bytes), (size, size));
    }
    let error = read(max + 1).unwrap_err().to_string();
    assert!(error.contains(&format!("for 3 values, expected at most {max}")), "{error}");
}

#[test]
fn content_of_a_page_has_the_declared_size() {
    let values: Vec<u8> = (0..40).collect();
    let packed = snap::raw::Encoder::new().compress_vec(&values).unwrap();
    let stored = [&[9, 9, 9, 9], &packed[..]].concat();
    let (snappy, plain) = (pages(Compression::SNAPPY, 1 << 20), pages(Compression::UNCOMPRESSED, 1 << 20));
    let read = |pages: &Pages, declared: usize, bytes: &[u8], levels: usize, is_compressed: bool| {
        let header = header(bytes.len(), declared);
        let content = pages.decompressed(&header, bytes.to_vec().into(), levels, is_compressed, 5);
        content.map(|(content, _)| content.to_vec()).map_err(|error| error.to_string())
    };
    assert_eq!(read(&snappy, 40, &packed, 0, true).unwrap(), values);
    assert_eq!(read(&snappy, 44, &stored, 4, true).unwrap(), [&[9; 4], &values[..]].concat());
    // A page of version 2 may be stored without compression.
    assert_eq!(read(&snappy, 40, &values, 4, false).unwrap(), values);
    assert_eq!(read(&plain, 40, &values, 40, true).unwrap(), values);
    // A page of nulls has levels alone.
    assert_eq!(read(&snappy, 4, &[9; 4], 4, true).unwrap(), [9; 4]);
    let mismatch = "the page is not compressed, but its header declares";
    let levels = "the page ends inside its definition levels";
    for (pages, declared, bytes, plain, is_compressed, expected) in [
        (&plain, 41, &values, 0, true, mismatch),
        (&plain, 40, &values, 41, true, mismatch),
        (&snappy, 39, &values, 0, false, mismatch),
        (&snappy, 3, &stored, 4, true, levels),
        (&snappy, 500, &stored, stored.len() + 1, true, levels),
    ] {
        let error = read(pages, declared, bytes, plain, is_compressed).unwrap_err();
        assert!(error.contains(expected), "{declared} {plain}: {error}");
    }
    assert!(read(&snappy, 41, &packed, 0, true).is_err());
    assert!(read(&snappy, 39, &packed, 0, true).is_err());
}

/// Header of a page of 3 plain values with a field of `extra` bytes that readers skip.
fn data_header(size: u8, extra: usize) -> Vec<u8> {
    let data = [12, 10, 5, 2, 6, 5, 4, 0, 5, 6, 6, 5, 8, 6, 0];
    let mut bytes = [&[5, 2, 0, 5, 4, 2 * size, 5, 6, 2 * size][..], &data, &[8, 60]].concat();
    let mut length = extra;
    while length >= 128 {
        bytes.push(length as u8 | 128);
        length /= 128;
    }
    bytes.push(length as u8);
    bytes.resize(bytes.len() + extra, 1);
    bytes.push(0);
    bytes
}

/// Reader of these bytes from `at` on.
fn pages_of(bytes: Vec<u8>, at: u64, is_optional: bool, values: usize) -> Pages {
    let end = bytes.len() as u64;
    let chunks = Chunks::Bytes(bytes.into());
    Pages { chunks, at, end, is_optional, left: values, ..pages(Compression::UNCOMPRESSED, 1 << 20) }
}

#[test]
fn header_of_any_length_up_to_its_limit_is_read() {
    // The first 512 bytes are read, then 16 times as many until the header is complete.
    for extra in [0, 400, 500, 600, 8_200, 140_000] {
        let header = data_header(24, extra);
        let page = |size: usize| [&[9; 5], &header[..], &vec![0; size]].concat();
        for size in [24, 30] {
            let mut pages = pages_of(page(size), 5, false, 3);
            let found = pages.header().unwrap();
            assert_eq!((found.compressed, found.uncompressed), (24, 24), "{extra}");
            assert_eq!(pages.at, 5 + header.len() as u64, "{extra}");
        }
        let error = pages_of(page(23), 5, false, 3).header().unwrap_err().to_string();
        assert!(error.contains("declares 24 bytes, expected at most 23, the rest"), "{extra}: {error}");
        let cut = [&[9; 5], &header[..header.len() - 1]].concat();
        let error = pages_of(cut, 5, false, 3).header().unwrap_err().to_string();
        assert!(error.contains("the page header ends early"), "{extra}: {error}");
    }
    // A chunk of a few pages has more bytes than a header may have.
    let error = pages_of(data_header(0, 40 << 20), 0, false, 3).header().unwrap_err().to_string();
    assert!(error.contains("the page header ends early"), "{error}");
}

#[test]
fn levels_of_a_page_of_version_2_are_those_of_its_column() {
    let numbers = |count: usize| 2.5_f64.to_le_bytes().repeat(count);
    // Nulls, rows, bytes of levels and of repetition levels that the header declares, and the content: levels of a
    // repeated run (twice the length, the level) or of a packed one (3, the bits), then the numbers.
    let of_levels = "bytes of levels";
    type Case<'a> = (bool, [u32; 4], Vec<u8>, Option<&'a str>);
    let cases: [Case<'_>; 13] = [
        (false, [0, 3, 0, 0], numbers(3), None),
        (false, [0, 3, 0, 0], numbers(2), Some("the values take 16 bytes")),
        (false, [0, 2, 0, 0], numbers(3), Some(of_levels)),
        (false, [0, 3, 2, 0], [vec![6, 1], numbers(3)].concat(), Some("with 2 + 0 bytes of levels")),
        (false, [0, 3, 0, 1], numbers(3), Some("with 0 + 1 bytes of levels")),
        (false, [1, 3, 0, 0], numbers(3), Some("found 0 nulls, expected 1")),
        (true, [0, 3, 2, 0], [vec![6, 1], numbers(3)].concat(), None),
        (true, [0, 4, 2, 0], [vec![6, 1], numbers(3)].concat(), Some(of_levels)),
        (true, [0, 3, 2, 2], [vec![6, 1], numbers(3)].concat(), Some(of_levels)),
        (true, [1, 3, 2, 0], [vec![6, 1], numbers(3)].concat(), Some("found 0 nulls, expected 1")),
        (true, [1, 3, 2, 0], [vec![3, 0b101], numbers(2)].concat(), None),
        (true, [1, 3, 2, 0], [vec![3, 0b101], numbers(4)].concat(), Some("expected 16 for")),
        (true, [3, 3, 2, 0], vec![6, 0], None),
    ];
    for (is_optional, [nulls, rows, levels, repetition], content, expected) in cases {
        let kind = PageKind::DataV2 {
            values: 3,
            nulls,
            rows,
            encoding: Encoding::PLAIN,
            levels,
            repetition,
            compressed: false,
        };
        let header = Header { kind, ..header(content.len(), content.len()) };
        let mut pages = pages_of(Vec::new(), 0, is_optional, 5);
        let found = pages.data(&header, content.clone().into(), 3).map_err(|error| error.to_string());
        match (found, expected) {
            (Ok(page), None) => {
                assert_eq!(page.map(|page| page.num_values()), Some(3), "{header:?}");
                assert_eq!((pages.left, pages.index), (2, 1), "{header:?}");
            }
            (Err(error), Some(part)) => assert!(error.contains(part), "{header:?}: {error}"),
            (found, _) => panic!("{header:?}: {:?}", found.map(|_| ())),
        }
        let mut pages = pages_of(Vec::new(), 0, is_optional, 2);
        let error = pages.data(&header, content.into(), 3).err().unwrap().to_string();
        assert!(error.contains("found 3 values, expected at most 2"), "{error}");
    }
}

#[test]
fn pages_are_read_or_skipped_in_order() {
    let page = |value: f64| [data_header(24, 0), value.to_le_bytes().repeat(3)].concat();
    let bytes = [page(1.0), page(2.0), page(3.0)].concat();
    for skipped in 0..=3 {
        let mut pages = pages_of(bytes.clone(), 0, false, 9);
        assert!(pages.peek_next_page().is_err());
        (0..skipped).for_each(|_| pages.skip_next_page().unwrap());
        for value in skipped + 1..=3 {
            let page = pages.get_next_page().unwrap().unwrap();
            assert_eq!(page.buffer()[..8], f64::from(value).to_le_bytes(), "{skipped} skipped");
        }
        assert!(pages.get_next_page().unwrap().is_none(), "{skipped} skipped");
    }
}
