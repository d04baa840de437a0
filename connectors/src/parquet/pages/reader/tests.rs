//! Sizes of pages against the budget of a row group and the bounds of their values.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Type};

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
