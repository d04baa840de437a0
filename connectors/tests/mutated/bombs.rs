//! Small files that declare or decompress to large ones.

use super::oracle::{Verdict, judged};
use super::pages::{FileParts, packed};
use super::seeds;
use super::thrift::Node;

/// Decompressed size of a bomb: far above the bound on memory.
const LARGE: usize = 256 << 20;

/// File whose page of prices decompresses to `LARGE` zeros. `honest`: the header declares that size.
fn bomb(name: &str, codec: i64, honest: bool) -> Vec<u8> {
    let (_, bytes) = seeds().into_iter().find(|(known, _)| known == name).unwrap();
    let mut file = FileParts::of(&bytes).unwrap();
    let page = file.chunks[0][2].last_mut().unwrap();
    page.body = packed(codec, &vec![0; LARGE]).unwrap();
    page.header.set(3, i64::try_from(page.body.len()).unwrap());
    if honest {
        page.header.set(2, i64::try_from(LARGE).unwrap());
    }
    page.checksum();
    let laid_out = file.laid_out();
    file.finished(laid_out)
}

#[test]
fn decompression_bomb_is_refused_within_the_bound_on_memory() {
    for (name, codec) in [("pyarrow_split", 1), ("pyarrow_gzip", 2), ("pyarrow_int96", 6), ("pyarrow_lz4", 7)]
    {
        for honest in [false, true] {
            let bytes = bomb(name, codec, honest);
            if let Ok(folder) = std::env::var("BETAFLOW_MUTATED_KEEP") {
                std::fs::write(format!("{folder}/bomb {name} {honest}.parquet"), &bytes).unwrap();
            }
            let verdict = judged(&bytes, None);
            let size = bytes.len();
            assert!(
                matches!(verdict, Verdict::Error),
                "{name}, {size} bytes, honest: {honest}: {}",
                verdict.text()
            );
        }
    }
}

/// Changes the counts of a file in a consistent way.
type Change = fn(&mut FileParts);

/// Sets the rows of the file, of its first row group and of the chunks in it.
fn set_rows(file: &mut FileParts, rows: i64) {
    let known = file.footer.int(3).unwrap();
    let Some(Node::List(_, groups)) = file.footer.field_mut(4) else { return };
    let before = groups[0].int(3).unwrap();
    groups[0].set(3, rows);
    let Some(Node::List(_, chunks)) = groups[0].field_mut(1) else { return };
    for chunk in chunks {
        chunk.field_mut(3).unwrap().set(5, rows);
    }
    file.footer.set(3, known - before + rows);
}

/// Sets a number of the header of the first page of a column that has the part.
fn set_header(file: &mut FileParts, column: usize, part: i64, field: i64, number: i64) {
    let pages = &mut file.chunks[0][column];
    let page = pages.iter_mut().find(|page| page.header.field(part).is_some()).unwrap();
    page.header.field_mut(part).unwrap().set(field, number);
}

const COUNTS: [(&str, &str, Change); 8] = [
    ("pyarrow_plain_2", "rows", |file| set_rows(file, 1 << 60)),
    ("pyarrow_dictionary", "rows", |file| set_rows(file, i64::MAX - 1_000)),
    ("pyarrow_dictionary", "negative rows", |file| set_rows(file, -5)),
    ("pyarrow_dictionary", "values of a dictionary", |file| set_header(file, 1, 7, 1, i64::from(i32::MAX))),
    ("pyarrow_delta", "values of a page", |file| {
        set_rows(file, 1 << 40);
        set_header(file, 0, 5, 1, i64::from(i32::MAX));
    }),
    ("pyarrow_days", "values of a page without nulls", |file| {
        set_rows(file, 1 << 31);
        set_header(file, 2, 5, 1, i64::from(i32::MAX));
    }),
    ("pyarrow_plain_2", "bytes of levels", |file| set_header(file, 2, 8, 5, i64::from(i32::MAX))),
    ("pyarrow_split", "decompressed bytes", |file| {
        let page = file.chunks[0][2].last_mut().unwrap();
        page.header.set(2, 200 << 20);
    }),
];

#[test]
fn absurd_count_is_refused_within_the_bound_on_memory() {
    for (name, what, change) in COUNTS {
        let (_, bytes) = seeds().into_iter().find(|(known, _)| known == name).unwrap();
        let mut file = FileParts::of(&bytes).unwrap();
        change(&mut file);
        let laid_out = file.laid_out();
        let bytes = file.finished(laid_out);
        if let Ok(folder) = std::env::var("BETAFLOW_MUTATED_KEEP") {
            std::fs::write(format!("{folder}/{name} {what}.parquet"), &bytes).unwrap();
        }
        let verdict = judged(&bytes, None);
        assert!(matches!(verdict, Verdict::Error), "{name}, {what}: {}", verdict.text());
    }
}
