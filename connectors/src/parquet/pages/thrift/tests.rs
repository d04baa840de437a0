//! Metadata encoded here by the definition of Thrift's compact protocol.

use super::{Fault, Kind, Thrift};

/// Skips one value; returns the number of bytes left.
fn skipped(bytes: &[u8], kind: Kind) -> Result<usize, Fault> {
    let mut thrift = Thrift::new(bytes);
    thrift.skip(kind).map(|()| thrift.remaining())
}

#[test]
fn integers_are_read_over_their_whole_range() {
    let cases: [(&[u8], i32); 9] = [
        (&[0], 0),
        (&[1], -1),
        (&[2], 1),
        (&[3], -2),
        (&[0x7f], -64),
        (&[0x80, 1], 64),
        (&[0xac, 2], 150),
        (&[0xfe, 0xff, 0xff, 0xff, 0x0f], i32::MAX),
        (&[0xff, 0xff, 0xff, 0xff, 0x0f], i32::MIN),
    ];
    for (bytes, expected) in cases {
        let padded = [bytes, &[0xff]].concat();
        let mut thrift = Thrift::new(&padded);
        assert_eq!((thrift.int(Kind::Int(32)), thrift.remaining()), (Ok(expected), 1), "{bytes:?}");
        let cut = Thrift::new(&bytes[..bytes.len() - 1]).int(Kind::Int(32));
        assert_eq!(cut, Err(Fault::End), "{bytes:?}");
    }
    let invalid = |bytes: &[u8], kind| matches!(Thrift::new(bytes).int(kind), Err(Fault::Invalid(_)));
    assert!(invalid(&[0x80, 0x80, 0x80, 0x80, 0x10], Kind::Int(32)), "2^31");
    assert!(invalid(&[0x81, 0x80, 0x80, 0x80, 0x10], Kind::Int(32)), "-2^31 - 1");
    assert!(invalid(&[0; 1], Kind::Int(64)) && invalid(&[0; 1], Kind::Byte), "other types");
    assert!(invalid(&[0x80; 11], Kind::Int(32)), "more than 64 bits");
}

#[test]
fn fields_count_from_the_field_before() {
    // Steps of 1 and 15, a number of its own (-5, 300), a step behind it, the end.
    let bytes = [0x15, 0xf8, 0x06, 0x09, 0x02, 0xd8, 0x04, 0x2c, 0x00, 0x99];
    let mut thrift = Thrift::new(&bytes);
    let mut last = 0;
    let expected = [
        Some((1, Kind::Int(32))),
        Some((16, Kind::Binary)),
        Some((-5, Kind::Int(64))),
        Some((300, Kind::Bool(false))),
        Some((302, Kind::Struct)),
        None,
    ];
    for field in expected {
        assert_eq!(thrift.field(&mut last), Ok(field));
    }
    assert_eq!(thrift.remaining(), 1);
    let codes: Vec<_> = (0..16).map(|code| Thrift::new(&[0x10 | code]).field(&mut 0)).collect();
    let known: Vec<_> = codes.iter().map(|code| code.ok().flatten().map(|(_, kind)| kind)).collect();
    let kinds = [
        None,
        Some(Kind::Bool(true)),
        Some(Kind::Bool(false)),
        Some(Kind::Byte),
        Some(Kind::Int(16)),
        Some(Kind::Int(32)),
        Some(Kind::Int(64)),
        Some(Kind::Double),
        Some(Kind::Binary),
        Some(Kind::List),
        Some(Kind::List),
        Some(Kind::Map),
        Some(Kind::Struct),
        None,
        None,
        None,
    ];
    assert_eq!(known, kinds);
}

#[test]
fn lists_declare_at_most_the_bytes_that_remain() {
    let list = |bytes: &[u8]| Thrift::new(bytes).list();
    assert_eq!(list(&[0x35, 1, 2, 3]), Ok((3, Kind::Int(32))));
    assert_eq!(list(&[0xe3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]), Ok((14, Kind::Byte)));
    assert_eq!(list(&[&[0xf8, 16][..], &[0; 16]].concat()), Ok((16, Kind::Binary)));
    assert_eq!(list(&[&[0xf8, 0x90, 1][..], &[0; 144]].concat()), Ok((144, Kind::Binary)));
    assert_eq!(list(&[0x05]), Ok((0, Kind::Int(32))));
    assert_eq!(list(&[0x00]), Ok((0, Kind::Byte)), "empty lists without a type");
    for bytes in [&[0x45, 1, 2, 3][..], &[0xf8, 17, 0, 0], &[0x1f, 0], &[0x10, 0]] {
        assert!(matches!(list(bytes), Err(Fault::Invalid(_))), "{bytes:?}");
    }
}

#[test]
fn skipped_values_take_their_bytes() {
    // Value, its type, and the bytes left of one more.
    let cases: [(&[u8], Kind, usize); 12] = [
        (&[9], Kind::Bool(true), 1),
        (&[7, 9], Kind::Byte, 1),
        (&[0x80, 1, 9], Kind::Int(16), 1),
        (&[0x80, 0x80, 1, 9], Kind::Int(64), 1),
        (&[0, 0, 0, 0, 0, 0, 0, 0, 9], Kind::Double, 1),
        (&[3, 1, 2, 3, 9], Kind::Binary, 1),
        (&[0, 9], Kind::Binary, 1),
        // A boolean in a list is a byte, in a field none.
        (&[0x21, 1, 2, 9], Kind::List, 1),
        (&[0x29, 0x13, 7, 0x25, 1, 0x80, 1, 9], Kind::List, 1),
        (&[0x11, 0x12, 0x13, 7, 0x00, 9], Kind::Struct, 1),
        (&[0x1c, 0x15, 4, 0x00, 0x18, 1, 0, 0x00, 9], Kind::Struct, 1),
        (&[0x2c, 0x15, 4, 0x00, 0x11, 0x00, 9], Kind::List, 1),
    ];
    for (bytes, kind, left) in cases {
        assert_eq!(skipped(bytes, kind), Ok(left), "{bytes:?}");
        for length in 0..bytes.len() - left {
            assert!(skipped(&bytes[..length], kind).is_err(), "{length} of {bytes:?}");
        }
    }
    assert!(matches!(skipped(&[0; 9], Kind::Map), Err(Fault::Invalid(_))));
    // The outermost structure and 32 inside it.
    for (nested, valid) in [(1, true), (33, true), (34, false), (2_000, false)] {
        let structures = [vec![0x1c; nested - 1], vec![0; nested]].concat();
        assert_eq!(skipped(&structures, Kind::Struct).is_ok(), valid, "{nested} structures");
        let lists = [vec![0x19; nested - 1], vec![0x03]].concat();
        assert_eq!(skipped(&lists, Kind::List).is_ok(), valid, "{nested} lists");
    }
}
