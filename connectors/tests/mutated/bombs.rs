//! Small files that declare or decompress to large ones.

use super::oracle::{Verdict, judged};
use super::pages::{FileParts, packed};
use super::seeds;

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
