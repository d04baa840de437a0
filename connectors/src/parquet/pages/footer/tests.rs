//! Footers encoded here by the definition of the format.

use super::is_encrypted;

/// Field of a structure: number and type in the compact protocol, with its value.
fn field(number: u8, kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind, number * 2], value].concat()
}

/// List of structures.
fn structures(of: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0xfc];
    let mut count = of.len();
    while count >= 128 {
        bytes.push(count as u8 | 128);
        count /= 128;
    }
    bytes.push(count as u8);
    of.iter().for_each(|fields| bytes.extend([&fields[..], &[0]].concat()));
    bytes
}

/// Footer with a schema by the number of children of each element, none for a column.
fn with_schema(children: &[u8]) -> Vec<u8> {
    let element = |count: &u8| match count {
        0 => field(4, 8, &[1, b'x']),
        count => [field(4, 8, &[1, b'x']), field(5, 5, &[count * 2])].concat(),
    };
    let elements: Vec<_> = children.iter().map(element).collect();
    [field(1, 5, &[2]), field(2, 9, &structures(&elements)), vec![0]].concat()
}

#[test]
fn groups_have_the_declared_columns_within_the_nesting_limit() {
    let nested = |groups: usize| [vec![1; groups], vec![0]].concat();
    let siblings = [vec![60], [1, 0].repeat(60)].concat();
    // More groups than the nesting limit, one behind the other.
    let many = [vec![2], vec![40], [1, 0].repeat(40), vec![40], [1, 0].repeat(40)].concat();
    let cases: [(Vec<u8>, bool); 10] = [
        (vec![2, 0, 0], true),
        (vec![3, 0, 0], false),
        (vec![1], false),
        (vec![2, 2, 0, 0, 0], true),
        (vec![2, 2, 0, 3, 0], false),
        (siblings, true),
        (many, true),
        (nested(1), true),
        (nested(64), true),
        (nested(65), false),
    ];
    for (children, valid) in cases {
        assert_eq!(is_encrypted(&with_schema(&children)).is_ok(), valid, "{children:?}");
    }
    // A negative number of children, and a schema of numbers.
    let negative = structures(&[field(5, 5, &[1])]);
    assert!(is_encrypted(&[field(2, 9, &negative), vec![0]].concat()).is_err());
    assert!(is_encrypted(&[field(2, 9, &[0x15, 2]), vec![0]].concat()).is_err());
}

#[test]
fn fields_have_the_types_of_the_format() {
    let column = |fields: Vec<u8>| {
        structures(&[field(1, 9, &structures(&[field(3, 12, &[&fields[..], &[0]].concat())]))])
    };
    let group = |fields: Vec<u8>| structures(&[fields]);
    // Type codes: 3 byte, 4 to 6 integers of 16 to 64 bits, 8 bytes, 9 list, 12 structure.
    let cases: [(Vec<u8>, bool); 18] = [
        (field(1, 5, &[2]), true),
        (field(1, 6, &[2]), false),
        (field(3, 6, &[2]), true),
        (field(3, 5, &[2]), false),
        (field(5, 9, &[0x05]), true),
        (field(5, 8, &[0]), false),
        (field(6, 8, &[0]), true),
        (field(4, 9, &group(field(2, 6, &[2]))), true),
        (field(4, 9, &group(field(2, 5, &[2]))), false),
        (field(4, 9, &[0x15, 2]), false),
        (field(4, 8, &[0]), false),
        // The length of this text would be the start of an empty list of structures.
        (field(4, 8, &[0x0c]), false),
        (field(4, 9, &group(field(7, 4, &[2]))), true),
        (field(4, 9, &column(field(5, 6, &[2]))), true),
        (field(4, 9, &column(field(5, 5, &[2]))), false),
        (field(4, 9, &structures(&[field(1, 9, &structures(&[field(3, 8, &[0])]))])), false),
        // Fields of later versions of the format are skipped, whatever their type.
        (field(30, 3, &[2]), true),
        (field(4, 9, &column(field(30, 12, &[0]))), true),
    ];
    for (fields, valid) in cases {
        let bytes = [&fields[..], &[0]].concat();
        assert_eq!(is_encrypted(&bytes).is_ok(), valid, "{fields:?}");
        assert!(is_encrypted(&bytes[..bytes.len() - 1]).is_err(), "{fields:?} without its end");
    }
    for (fields, expected) in [(field(8, 12, &[0x11, 0]), true), (field(3, 6, &[2]), false)] {
        assert_eq!(is_encrypted(&[&fields[..], &[0]].concat()).ok(), Some(expected), "{fields:?}");
    }
}
