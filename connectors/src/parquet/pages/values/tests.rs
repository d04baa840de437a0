//! Pages encoded here by the definition of the format.

use parquet::basic::{Encoding, Type};

use super::{Storage, check_dictionary, check_levels, check_values};

const TEXT: Storage = Storage { physical: Type::BYTE_ARRAY, width: 0, text_bytes_max: 4096 };
const INT32: Storage = Storage { physical: Type::INT32, width: 4, text_bytes_max: 4096 };
const INT64: Storage = Storage { physical: Type::INT64, width: 8, text_bytes_max: 4096 };
const INT96: Storage = Storage { physical: Type::INT96, width: 12, text_bytes_max: 4096 };

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 128 {
        bytes.push(value as u8 | 128);
        value /= 128;
    }
    bytes.push(value as u8);
    bytes
}

fn zigzag(value: i64) -> Vec<u8> {
    varint(if value < 0 { value.unsigned_abs() * 2 - 1 } else { value.unsigned_abs() * 2 })
}

/// Packs values of `width` bits, the lowest bit first.
fn packed(values: &[u64], width: usize) -> Vec<u8> {
    let mut bytes = vec![0; (values.len() * width).div_ceil(8)];
    for (i, value) in values.iter().enumerate() {
        for bit in (0..width).filter(|bit| value >> bit & 1 == 1) {
            bytes[(i * width + bit) / 8] |= 1 << ((i * width + bit) % 8);
        }
    }
    bytes
}

/// Encodes values in blocks of 128 in 4 parts; returns the end of the last value without the padding of its part.
fn delta(values: &[i64]) -> (Vec<u8>, usize) {
    let mut page = [varint(128), varint(4), varint(values.len() as u64)].concat();
    page.extend(zigzag(values.first().copied().unwrap_or(0)));
    let mut end = page.len();
    let deltas: Vec<_> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for block in deltas.chunks(128) {
        let smallest = block.iter().copied().min().unwrap_or(0);
        page.extend(zigzag(smallest));
        let parts: Vec<Vec<u64>> = block
            .chunks(32)
            .map(|part| part.iter().map(|delta| (delta - smallest) as u64).collect())
            .collect();
        let bits =
            |part: &Vec<u64>| 64 - part.iter().max().map_or(64, |value| value.leading_zeros()) as usize;
        // The widths of unused parts have no meaning.
        page.extend((0..4).map(|i| parts.get(i).map_or(99, |part| bits(part) as u8)));
        for part in &parts {
            end = page.len() + (part.len() * bits(part)).div_ceil(8);
            let mut whole = part.clone();
            whole.resize(32, 0);
            page.extend(packed(&whole, bits(part)));
        }
    }
    (page, end)
}

/// Returns whether a page is accepted.
fn passes(page: &[u8], storage: Storage, encoding: Encoding, count: usize) -> bool {
    check_values(page, storage, encoding, count, None).is_ok()
}

/// Irregular values with differences of both signs.
fn irregular(count: usize) -> Vec<i64> {
    (0..count as i64).map(|i| (i * 7919) % 1013 - (i % 3) * 400).collect()
}

#[test]
fn deltas_are_accepted_from_their_last_bit_on() {
    for count in [0, 1, 2, 32, 33, 34, 128, 129, 130, 300] {
        let (page, end) = delta(&irregular(count));
        for storage in [INT32, INT64] {
            let shortest = (0..=page.len())
                .find(|length| passes(&page[..*length], storage, Encoding::DELTA_BINARY_PACKED, count));
            assert_eq!(shortest, Some(end), "{count} values");
            assert!(passes(&page, storage, Encoding::DELTA_BINARY_PACKED, count), "{count} values");
            for other in [count + 1, count.wrapping_sub(1)] {
                assert!(!passes(&page, storage, Encoding::DELTA_BINARY_PACKED, other), "{count} values");
            }
        }
    }
}

#[test]
fn blocks_have_the_form_of_the_format() {
    // Size of a block, number of its parts, width of each delta, and whether a page of two values passes.
    let cases: [(u64, u64, u8, bool); 12] = [
        (128, 4, 8, true),
        (128, 1, 8, true),
        (256, 8, 8, true),
        (65_536, 4, 8, true),
        (65_664, 4, 8, false),
        (0, 4, 8, false),
        (64, 2, 8, false),
        (192, 2, 8, false),
        (128, 0, 8, false),
        (128, 3, 8, false),
        (128, 8, 8, false),
        (128, 4, 33, false),
    ];
    for (block, parts, width, expected) in cases {
        let mut page = [varint(block), varint(parts), varint(2), zigzag(5), zigzag(-3)].concat();
        page.extend((0..parts.min(8)).map(|_| width));
        page.resize(page.len() + 4096, 0);
        let found = passes(&page, INT32, Encoding::DELTA_BINARY_PACKED, 2);
        assert_eq!(found, expected, "blocks of {block} in {parts}, {width} bits");
    }
    // Deltas of 32 bits are the widest of 32-bit numbers, and those of 64 bits of 64-bit ones.
    for (width, storage, expected) in
        [(32, INT32, true), (33, INT32, false), (64, INT64, true), (65, INT64, false)]
    {
        let mut page = [varint(128), varint(4), varint(2), zigzag(0), zigzag(0), vec![width; 4]].concat();
        page.resize(page.len() + 4096, 0);
        assert_eq!(passes(&page, storage, Encoding::DELTA_BINARY_PACKED, 2), expected, "{width} bits");
    }
    let endless = [vec![0x80; 10], vec![1; 100]].concat();
    assert!(!passes(&endless, INT32, Encoding::DELTA_BINARY_PACKED, 2), "a number of more than 64 bits");
}

#[test]
fn deltas_of_a_page_decode_to_at_most_its_size() {
    // 2^25 values of 8 bytes; equal values have deltas of no bits.
    for (count, expected) in [((1 << 25) - 1, true), (1 << 25, true), ((1 << 25) + 1, false)] {
        let mut page = [varint(1 << 16), varint(1), varint(count), zigzag(7)].concat();
        page.extend([0, 0].repeat(1 << 9));
        let found = passes(&page, INT64, Encoding::DELTA_BINARY_PACKED, count as usize);
        assert_eq!(found, expected, "{count} values");
    }
}

/// Encodes texts by their lengths.
fn by_lengths(lengths: &[usize]) -> Vec<u8> {
    let (mut page, _) = delta(&lengths.iter().map(|length| *length as i64).collect::<Vec<_>>());
    page.resize(page.len() + lengths.iter().sum::<usize>(), b'x');
    page
}

#[test]
fn texts_take_the_bytes_of_their_lengths() {
    let regular: Vec<usize> = (0..200).map(|i| (i * 37) % 90).collect();
    let cases: [(&[usize], bool); 7] = [
        (&[], true),
        (&[5], true),
        (&[0; 40], true),
        (&[3, 0, 7], true),
        (&regular, true),
        (&[1, 4096], true),
        (&[1, 4097], false),
    ];
    for (lengths, expected) in cases {
        let page = by_lengths(lengths);
        let check = |page: &[u8]| passes(page, TEXT, Encoding::DELTA_LENGTH_BYTE_ARRAY, lengths.len());
        assert_eq!(check(&page), expected, "{lengths:?}");
        assert!(!check(&[&page[..], b"x"].concat()), "{lengths:?} and one more byte");
        assert!(!check(&page[..page.len() - 1]), "{lengths:?} and one byte less");
    }
    let (negative, _) = delta(&[3, -1]);
    assert!(!passes(&[negative, vec![0; 2]].concat(), TEXT, Encoding::DELTA_LENGTH_BYTE_ARRAY, 2));

    let plain = |lengths: &[u32]| -> Vec<u8> {
        lengths
            .iter()
            .flat_map(|length| [&length.to_le_bytes()[..], &vec![b'x'; *length as usize]].concat())
            .collect()
    };
    for (lengths, expected) in
        [(&[][..], true), (&[0, 3, 1], true), (&[4096], true), (&[4097], false), (&[1, 70_000], false)]
    {
        let page = plain(lengths);
        assert_eq!(check_dictionary(&page, TEXT, lengths.len()).is_ok(), expected, "{lengths:?}");
        assert!(check_dictionary(&[&page[..], b"x"].concat(), TEXT, lengths.len()).is_err(), "{lengths:?}");
        let cut = &page[..page.len().saturating_sub(1)];
        assert!(lengths.is_empty() || check_dictionary(cut, TEXT, lengths.len()).is_err(), "{lengths:?}");
    }
}

#[test]
fn texts_share_at_most_the_preceding_text() {
    // Shared prefix and suffix of each text.
    let cases: [(&[(usize, usize)], bool); 9] = [
        (&[], true),
        (&[(0, 4), (4, 0), (4, 3), (7, 1), (2, 0), (2, 5)], true),
        (&[(1, 4)], false),
        (&[(0, 4), (5, 0)], false),
        (&[(0, 4), (2, 1), (4, 0)], false),
        (&[(0, 4096)], true),
        (&[(0, 4000), (4000, 96)], true),
        (&[(0, 4000), (4000, 97)], false),
        (&[(0, 4097)], false),
    ];
    let encoded = |parts: &[(usize, usize)]| {
        let prefixes: Vec<_> = parts.iter().map(|(prefix, _)| *prefix as i64).collect();
        let suffixes: Vec<_> = parts.iter().map(|(_, suffix)| *suffix).collect();
        [delta(&prefixes).0, by_lengths(&suffixes)].concat()
    };
    for (parts, expected) in cases {
        let page = encoded(parts);
        let check = |page: &[u8]| passes(page, TEXT, Encoding::DELTA_BYTE_ARRAY, parts.len());
        assert_eq!(check(&page), expected, "{parts:?}");
        assert!(!check(&[&page[..], b"x"].concat()), "{parts:?} and one more byte");
        assert!(!check(&page[..page.len() - 1]), "{parts:?} and one byte less");
    }
    // Values of a fixed length have this length.
    let fixed = Storage { physical: Type::FIXED_LEN_BYTE_ARRAY, width: 6, text_bytes_max: 4096 };
    for (parts, expected) in [
        ([(0, 6), (6, 0), (3, 3)], true),
        ([(0, 6), (6, 0), (3, 2)], false),
        ([(0, 6), (6, 1), (3, 3)], false),
    ] {
        assert_eq!(passes(&encoded(&parts), fixed, Encoding::DELTA_BYTE_ARRAY, 3), expected, "{parts:?}");
    }
    // 65,536 texts of 4,096 bytes decode to the most that a page may hold.
    let mut parts = vec![(4096, 0); 65_537];
    parts[0] = (0, 4096);
    assert!(passes(&encoded(&parts[..65_536]), TEXT, Encoding::DELTA_BYTE_ARRAY, 65_536));
    assert!(!passes(&encoded(&parts), TEXT, Encoding::DELTA_BYTE_ARRAY, 65_537));
}

/// Encodes a run of one value.
fn repeated(count: u64, value: &[u8]) -> Vec<u8> {
    [&varint(count * 2)[..], value].concat()
}

/// Encodes whole groups of eight values of one bit.
fn bits(levels: &[u64]) -> Vec<u8> {
    [varint(levels.len().div_ceil(8) as u64 * 2 + 1), packed(levels, 1)].concat()
}

#[test]
fn present_values_are_counted_by_their_levels() {
    let levels: Vec<u64> = (0..29).map(|i| u64::from(i * i % 5 < 2)).collect();
    for count in 1..=levels.len() {
        let expected = levels[..count].iter().sum::<u64>() as usize;
        assert_eq!(check_levels(&bits(&levels), count).unwrap(), expected, "{count} levels");
        let mixed = [repeated(300, &[1]), repeated(5, &[0]), bits(&levels)].concat();
        assert_eq!(check_levels(&mixed, 305 + count).unwrap(), 300 + expected, "{count} levels");
    }
    assert_eq!(check_levels(&[], 0).unwrap(), 0);
    // A run may be longer than the page.
    assert_eq!(check_levels(&repeated(300, &[1]), 7).unwrap(), 7);
    let faults = [
        (repeated(5, &[2]), 5, "found the definition level 2"),
        (repeated(0, &[1]), 5, "empty run"),
        (vec![1], 5, "empty run"),
        (repeated(5, &[1]), 6, "ends inside its values"),
        (bits(&levels), 33, "ends inside its values"),
        (vec![10], 5, "ends inside its values"),
        (vec![3], 5, "ends inside its values"),
        (varint(1 << 33), 5, "ends inside its values"),
    ];
    for (page, count, expected) in faults {
        let error = check_levels(&page, count).unwrap_err().to_string();
        assert!(error.contains(expected), "{page:?}: {error}");
    }
    // Writers may leave out the end of the last group.
    let whole = bits(&levels);
    assert_eq!(
        check_levels(&whole[..whole.len() - 1], 24).unwrap(),
        levels[..24].iter().sum::<u64>() as usize
    );
}

#[test]
fn indices_stay_inside_the_dictionary() {
    let check = |page: &[u8], count, dictionary| {
        check_values(page, TEXT, Encoding::RLE_DICTIONARY, count, dictionary)
            .map_err(|error| error.to_string())
    };
    let of = |width: u8, runs: &[u8]| [&[width], runs].concat();
    assert_eq!(check(&of(9, &repeated(4, &[0x2c, 1])), 4, Some(301)), Ok(()));
    let packed_run = [varint(3), packed(&[1, 2, 3, 4, 5, 6, 7, 0], 3)].concat();
    assert_eq!(check(&of(3, &packed_run), 8, Some(8)), Ok(()));
    assert_eq!(check(&of(32, &repeated(4, &[1, 0, 0, 0])), 4, Some(2)), Ok(()));
    // All indices are 0 without a bit.
    assert_eq!(check(&of(0, &repeated(4, &[])), 4, Some(1)), Ok(()));
    let faults: [(Vec<u8>, Option<usize>, &str); 6] = [
        (of(9, &repeated(4, &[0x2c, 1])), Some(300), "found the index 300 into a dictionary of 300 values"),
        (of(33, &repeated(4, &[0; 5])), Some(300), "indices of 33 bits"),
        (vec![], Some(3), "found no values"),
        (of(9, &repeated(4, &[1, 0])), None, "without a dictionary"),
        (of(9, &repeated(3, &[1, 0])), Some(300), "ends inside its values"),
        (of(9, &repeated(4, &[1])), Some(300), "ends inside its values"),
    ];
    for (page, dictionary, expected) in faults {
        let error = check(&page, 4, dictionary).unwrap_err();
        assert!(error.contains(expected), "{page:?}: {error}");
    }
}

#[test]
fn plain_values_take_their_width_and_at_most_eight_bytes_more() {
    for (storage, width) in [(INT32, 4), (INT64, 8)] {
        for (length, expected) in
            [(3 * width, true), (3 * width - 1, false), (3 * width + 8, true), (3 * width + 9, false)]
        {
            assert_eq!(passes(&vec![1; length], storage, Encoding::PLAIN, 3), expected, "{length} bytes");
            let exact = length == 3 * width;
            assert_eq!(
                passes(&vec![1; length], storage, Encoding::BYTE_STREAM_SPLIT, 3),
                exact,
                "{length} bytes"
            );
        }
    }
    assert!(
        !passes(&[1; 12], INT32, Encoding::DELTA_LENGTH_BYTE_ARRAY, 3),
        "another encoding than the type has"
    );
}

#[test]
fn legacy_times_are_nanoseconds_of_a_day_near_1970() {
    let time = |nanoseconds: u64, day: u32| [&nanoseconds.to_le_bytes()[..], &day.to_le_bytes()].concat();
    // Julian days from 1678 to 2262; 1970-01-01 is day 2,440,588.
    let cases = [
        (0, 2_440_588, true),
        (86_399_999_999_999, 2_440_588, true),
        (86_400_000_000_000, 2_440_588, false),
        (u64::MAX, 2_440_588, false),
        (0, 2_333_838, true),
        (0, 2_333_837, false),
        (0, 2_547_338, true),
        (0, 2_547_339, false),
        (0, u32::MAX, false),
    ];
    for (nanoseconds, day, expected) in cases {
        let page = [time(1, 2_440_588), time(nanoseconds, day)].concat();
        assert_eq!(passes(&page, INT96, Encoding::PLAIN, 2), expected, "{nanoseconds} ns of day {day}");
        let padded = [&page[..], &[0xff; 8]].concat();
        assert_eq!(
            passes(&padded, INT96, Encoding::PLAIN, 2),
            expected,
            "{nanoseconds} ns of day {day}, padded"
        );
    }
}
