//! Mutations of a Parquet file that know its structure. A case is a seed of a file and a list of mutations.

use super::pages::{FileParts, PageParts};
use super::random::Random;
use super::thrift::Node;

/// Kind of a mutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    HeaderNumber,
    HeaderField,
    ContentBits,
    ContentLength,
    SpecialNumber,
    StoredBits,
    SwapPages,
    CopyPage,
    DropPage,
    FooterNumber,
    FooterText,
    FooterField,
    FooterSwap,
    RowGroups,
    Statistics,
    FileBits,
    FileLength,
}

pub(crate) const KINDS: [Kind; 17] = [
    Kind::HeaderNumber,
    Kind::HeaderField,
    Kind::ContentBits,
    Kind::ContentLength,
    Kind::SpecialNumber,
    Kind::StoredBits,
    Kind::SwapPages,
    Kind::CopyPage,
    Kind::DropPage,
    Kind::FooterNumber,
    Kind::FooterText,
    Kind::FooterField,
    Kind::FooterSwap,
    Kind::RowGroups,
    Kind::Statistics,
    Kind::FileBits,
    Kind::FileLength,
];

/// Mutation with the seed of its choices, so that each can be applied without the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mutation {
    pub(crate) kind: Kind,
    seed: u64,
}

/// Draws one to three mutations.
pub(crate) fn draw(random: &mut Random) -> Vec<Mutation> {
    let count = 1 + random.below(4).saturating_sub(1);
    (0..count).map(|_| Mutation { kind: *random.choose(&KINDS), seed: random.next() }).collect()
}

/// File with the mutations: first those of pages, then those of the footer, then those of bytes.
pub(crate) fn applied(whole: &FileParts, mutations: &[Mutation]) -> Vec<u8> {
    let mut file = whole.clone();
    let of = |wanted: fn(Kind) -> bool| mutations.iter().filter(move |mutation| wanted(mutation.kind));
    for mutation in of(|kind| (kind as usize) < Kind::FooterNumber as usize) {
        page(&mut file, mutation.kind, &mut Random::new(mutation.seed));
    }
    let pages = file.laid_out();
    for mutation in
        of(|kind| (Kind::FooterNumber as usize..Kind::FileBits as usize).contains(&(kind as usize)))
    {
        footer(&mut file.footer, mutation.kind, &mut Random::new(mutation.seed));
    }
    let mut bytes = file.finished(pages);
    for mutation in of(|kind| kind as usize >= Kind::FileBits as usize) {
        raw(&mut bytes, mutation.kind, &mut Random::new(mutation.seed));
    }
    bytes
}

/// Number at a bound of some type, near the known one, or absurd.
fn number(random: &mut Random, known: i64) -> i64 {
    let bounds = [
        0,
        1,
        -1,
        2,
        7,
        8,
        255,
        256,
        4_096,
        65_535,
        1 << 20,
        1 << 28,
        i64::from(i32::MAX),
        i64::from(i32::MIN),
        1 << 31,
        1 << 32,
        1 << 40,
        1 << 60,
        i64::MAX,
        i64::MIN,
    ];
    match random.below(4) {
        0 => known.wrapping_add(1),
        1 => known.wrapping_sub(1),
        2 => known.wrapping_add(*random.choose(&[-8, -4, 2, 4, 8, 16, 100, -100])),
        _ => *random.choose(&bounds),
    }
}

/// Flips bits, sets bytes, or copies a piece over another.
fn bits(bytes: &mut [u8], random: &mut Random) {
    if bytes.is_empty() {
        return;
    }
    match random.below(4) {
        0 | 1 => {
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
        }
        2 => {
            let at = random.below(bytes.len());
            bytes[at] = *random.choose(&[0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff]);
        }
        _ => {
            let length = 1 + random.below(bytes.len().min(12));
            let (from, to) = (random.below(bytes.len() - length + 1), random.below(bytes.len() - length + 1));
            bytes.copy_within(from..from + length, to);
        }
    }
}

/// Cuts out or inserts a few bytes.
fn length(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    match random.below(4) {
        0 => bytes.truncate(at),
        1 => {
            let end = (at + 1 + random.below(16)).min(bytes.len());
            bytes.drain(at..end);
        }
        2 => {
            let more: Vec<u8> = (0..1 + random.below(16)).map(|_| random.next().to_le_bytes()[0]).collect();
            bytes.splice(at..at, more);
        }
        _ => bytes.extend(vec![0; 1 + random.below(40)]),
    }
}

fn column<'a>(file: &'a mut FileParts, random: &mut Random) -> Option<&'a mut Vec<PageParts>> {
    let group = random.below(file.chunks.len());
    let columns = file.chunks.get_mut(group)?;
    let column = random.below(columns.len());
    columns.get_mut(column)
}

fn page(file: &mut FileParts, kind: Kind, random: &mut Random) {
    let Some(pages) = column(file, random).filter(|pages| !pages.is_empty()) else { return };
    let at = random.below(pages.len());
    let page = &mut pages[at];
    // A checksum would refuse most changes, so half of the cases have none.
    let checked = random.one_in(4);
    match kind {
        Kind::HeaderNumber => {
            let mut count = 0;
            page.header.visit(|node| count += usize::from(matches!(node, Node::Int(..))));
            let (chosen, mut seen) = (random.below(count), 0);
            page.header.visit(|node| {
                if let Node::Int(_, value) = node {
                    if seen == chosen {
                        *value = number(random, *value);
                    }
                    seen += 1;
                }
            });
        }
        Kind::HeaderField => {
            let part = *random.choose(&[1, 2, 3, 4, 5, 7, 8]);
            match random.below(2) {
                0 => page.header.remove(part),
                _ => {
                    let field = 1 + as_int(random.below(7));
                    if let Some(part) = page.header.field_mut(part) {
                        part.remove(field);
                    }
                }
            }
        }
        Kind::ContentBits | Kind::ContentLength | Kind::SpecialNumber => {
            let Some(mut content) = page.content() else { return };
            let declared = !random.one_in(3);
            match kind {
                Kind::ContentBits => bits(&mut content, random),
                Kind::ContentLength => length(&mut content, random),
                _ => special(&mut content, random),
            }
            page.replace(&content, declared);
        }
        Kind::StoredBits => {
            bits(&mut page.body, random);
            match checked {
                true => page.checksum(),
                false => page.header.remove(4),
            }
        }
        Kind::SwapPages => {
            let other = random.below(pages.len());
            pages.swap(at, other);
            if random.one_in(3) {
                let moved = pages[at].clone();
                if let Some(pages) = column(file, random).filter(|pages| !pages.is_empty()) {
                    let last = pages.len() - 1;
                    pages[last] = moved;
                }
            }
        }
        Kind::CopyPage => {
            let copy = pages[at].clone();
            pages.insert(random.below(pages.len() + 1), copy);
        }
        _ => _ = pages.remove(at),
    }
}

fn as_int(number: usize) -> i64 {
    i64::try_from(number).unwrap()
}

/// Writes a special number over eight bytes.
fn special(content: &mut [u8], random: &mut Random) {
    let numbers = [
        f64::NAN.to_bits(),
        0xfff8_0000_0000_1234,
        f64::INFINITY.to_bits(),
        (-0.0_f64).to_bits(),
        1,
        u64::MAX,
        (1e308_f64).to_bits(),
        0,
        (1_u64 << 62) - 1,
    ];
    if content.len() >= 8 {
        let places = content.len() / 8;
        let at = (8 * random.below(places) + content.len() % 8).min(content.len() - 8);
        content[at..at + 8].copy_from_slice(&random.choose(&numbers).to_le_bytes());
    }
}

fn footer(footer: &mut Node, kind: Kind, random: &mut Random) {
    match kind {
        Kind::FooterNumber => {
            let known = numbers(footer);
            let chosen = random.below(known.len());
            let value = match random.below(4) {
                0 => *random.choose(&known),
                _ => number(random, known[chosen]),
            };
            let mut seen = 0;
            footer.visit(|node| {
                if let Node::Int(_, known) = node {
                    if seen == chosen {
                        *known = value;
                    }
                    seen += 1;
                }
            });
        }
        Kind::FooterText => {
            let mut count = 0;
            footer.visit(|node| count += usize::from(matches!(node, Node::Binary(_))));
            let (chosen, mut seen) = (random.below(count), 0);
            footer.visit(|node| {
                if let Node::Binary(bytes) = node {
                    if seen == chosen {
                        match random.below(2) {
                            0 => bits(bytes, random),
                            _ => length(bytes, random),
                        }
                    }
                    seen += 1;
                }
            });
        }
        Kind::FooterField => {
            let mut count = 0;
            footer.visit(|node| count += usize::from(matches!(node, Node::Struct(_))));
            let (chosen, mut seen) = (random.below(count), 0);
            footer.visit(|node| {
                if let Node::Struct(fields) = node {
                    if seen == chosen && !fields.is_empty() {
                        let at = random.below(fields.len());
                        match random.below(3) {
                            0 => _ = fields.remove(at),
                            1 => fields[at].0 += 1,
                            _ => fields.insert(at, fields[at].clone()),
                        }
                    }
                    seen += 1;
                }
            });
        }
        Kind::FooterSwap => {
            let groups = footer.field(4).map_or(0, |groups| groups.elements().len());
            let (a, b) = (random.below(groups), random.below(groups));
            let wanted = random.below(3);
            let Some(Node::List(_, groups)) = footer.field_mut(4) else { return };
            if groups.is_empty() {
                return;
            }
            // Chunks of two row groups, or of two columns of one.
            let mut taken = groups[b].clone();
            let (Some(Node::List(_, mine)), Some(Node::List(_, theirs))) =
                (groups[a].field_mut(1), taken.field_mut(1))
            else {
                return;
            };
            if mine.is_empty() || theirs.len() != mine.len() {
                return;
            }
            let (x, y) = (random.below(mine.len()), random.below(theirs.len()));
            match wanted {
                0 => mine[x] = theirs[y].clone(),
                1 => mine.swap(x, y),
                _ => mine[x] = theirs[x].clone(),
            }
        }
        Kind::RowGroups => {
            let Some(Node::List(_, groups)) = footer.field_mut(4) else { return };
            if groups.is_empty() {
                return;
            }
            let (at, other) = (random.below(groups.len()), random.below(groups.len()));
            match random.below(3) {
                0 => groups.swap(at, other),
                1 => groups.insert(at, groups[other].clone()),
                _ => _ = groups.remove(at),
            }
            // A consistent number of rows lets the change pass the first check.
            let rows: i64 = groups.iter().filter_map(|group| group.int(3)).fold(0, i64::wrapping_add);
            if !random.one_in(3) {
                footer.set(3, rows);
            }
        }
        _ => statistics(footer, random),
    }
}

fn numbers(footer: &mut Node) -> Vec<i64> {
    let mut known = Vec::new();
    footer.visit(|node| {
        if let Node::Int(_, value) = node {
            known.push(*value);
        }
    });
    known
}

/// Changes statistics of a column chunk: minimum, maximum and number of nulls.
fn statistics(footer: &mut Node, random: &mut Random) {
    let Some(Node::List(_, groups)) = footer.field_mut(4) else { return };
    let group = random.below(groups.len());
    let Some(Node::List(_, chunks)) = groups.get_mut(group).and_then(|group| group.field_mut(1)) else {
        return;
    };
    if chunks.is_empty() {
        return;
    }
    // The first column is the time in most files; the sources prune by it.
    let column = if random.one_in(2) { 0 } else { random.below(chunks.len()) };
    let Some(Node::Struct(fields)) = chunks[column].field_mut(3).and_then(|column| column.field_mut(12))
    else {
        return;
    };
    if fields.is_empty() {
        return;
    }
    let at = random.below(fields.len());
    match &mut fields[at].1 {
        Node::Binary(bytes) if random.one_in(3) => bits(bytes, random),
        Node::Binary(bytes) => {
            // Plausible bounds: some days before or after.
            let mut wide = [0; 8];
            let length = bytes.len().min(8);
            wide[..length].copy_from_slice(&bytes[..length]);
            // Days are numbers of 32 bits, times are microseconds.
            let day = if bytes.len() == 4 { 1 } else { 86_400_000_000 };
            let step = day * *random.choose(&[1, -1, 5, -5, 12, -12]);
            wide = i64::from_le_bytes(wide).wrapping_add(step).to_le_bytes();
            bytes[..length].copy_from_slice(&wide[..length]);
        }
        Node::Int(_, value) => *value = number(random, *value),
        _ => _ = fields.remove(at),
    }
}

fn raw(bytes: &mut Vec<u8>, kind: Kind, random: &mut Random) {
    match kind {
        Kind::FileBits => bits(bytes, random),
        _ => length(bytes, random),
    }
}
