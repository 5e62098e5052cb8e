//! Mutations: bytes that resemble given inputs but differ from them.

use weaklabel::base::counter_rng::Stream;

/// Integers at which programs often fail.
const INTEGERS: [u64; 16] = [
    0,
    1,
    2,
    3,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 40,
    i64::MAX as u64,
    u64::MAX,
];
const NUMBERS: [&str; 16] = [
    "0",
    "-1",
    "1",
    "2",
    "1e308",
    "1e-308",
    "-0.0",
    "nan",
    "inf",
    "1e999",
    "0.5",
    "255",
    "65536",
    "4294967296",
    "9223372036854775807",
    "18446744073709551616",
];
/// Largest size of a mutated input.
const MOST_BYTES: usize = 16 << 10;

/// Returns an input of `corpus` with one change, and with probability one half each time, a further one.
pub fn mutated(corpus: &[Vec<u8>], random: &mut Stream) -> Vec<u8> {
    let mut bytes = random.choose(corpus).clone();
    loop {
        let other = random.choose(corpus);
        change(&mut bytes, other, random);
        bytes.truncate(MOST_BYTES);
        if random.chance(0.5) {
            return bytes;
        }
    }
}

fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut Stream) {
    match random.below(10) {
        0 => bit(bytes, random),
        1 => byte(bytes, random),
        2 | 3 => integer(bytes, random),
        4 => bytes.truncate(place(bytes.len() + 1, random)),
        5 => drop(bytes.drain(piece(bytes.len(), random))),
        6 => repeat(bytes, random),
        7 => replace(bytes, other, piece, random),
        _ => replace_word(bytes, other, random),
    }
}

/// Draws a position below `n`, with probability one half among the first 64, where headers are.
fn place(n: usize, random: &mut Stream) -> usize {
    if random.chance(0.5) { random.below(n.min(64)) } else { random.below(n) }
}

/// Draws a range of `n` bytes, short more often than long; empty if `n` is 0.
fn piece(n: usize, random: &mut Stream) -> std::ops::Range<usize> {
    let start = place(n + 1, random);
    let most = if random.chance(0.7) { 16 } else { n };
    start..start + random.below((n - start).min(most) + 1)
}

fn bit(bytes: &mut [u8], random: &mut Stream) {
    if !bytes.is_empty() {
        bytes[place(bytes.len(), random)] ^= 1 << random.below(8);
    }
}

fn byte(bytes: &mut [u8], random: &mut Stream) {
    if !bytes.is_empty() {
        bytes[place(bytes.len(), random)] = random.bits() as u8;
    }
}

/// Overwrites bytes by a binary number of one to eight bytes in either byte order.
fn integer(bytes: &mut [u8], random: &mut Stream) {
    let number = random.choose(&INTEGERS).wrapping_add(random.below(3) as u64).wrapping_sub(1);
    let width = *random.choose(&[1, 2, 3, 4, 8]);
    if bytes.len() >= width {
        let at = place(bytes.len() - width + 1, random);
        let (little, big) = (number.to_le_bytes(), number.to_be_bytes());
        let number = if random.chance(0.5) { &little[..width] } else { &big[8 - width..] };
        bytes[at..at + width].copy_from_slice(number);
    }
}

/// Repeats a part up to a few thousand times.
fn repeat(bytes: &mut Vec<u8>, random: &mut Stream) {
    let part = piece(bytes.len(), random);
    let times = 1 << random.below(12);
    let copies = bytes[part.clone()].repeat(times.min(MOST_BYTES / part.len().max(1)));
    bytes.splice(part.end..part.end, copies);
}

type Part = fn(usize, &mut Stream) -> std::ops::Range<usize>;

/// Replaces a part by a part of another input.
fn replace(bytes: &mut Vec<u8>, other: &[u8], part: Part, random: &mut Stream) {
    let (to, from) = (part(bytes.len(), random), part(other.len(), random));
    bytes.splice(to, other[from].iter().copied());
}

/// Replaces a word or number of a text by one of another input, or by a number at which programs often fail.
fn replace_word(bytes: &mut Vec<u8>, other: &[u8], random: &mut Stream) {
    let Some(to) = word(bytes, random) else { return };
    let new = match word(other, random) {
        Some(from) if random.chance(0.5) => other[from].to_vec(),
        _ => random.choose(&NUMBERS).as_bytes().to_vec(),
    };
    bytes.splice(to, new);
}

/// Finds the word at a random position, or the next one after it.
fn word(bytes: &[u8], random: &mut Stream) -> Option<std::ops::Range<usize>> {
    let belongs = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.+-".contains(byte);
    let from = random.below(bytes.len() + 1);
    let start = from + bytes[from..].iter().position(belongs)?;
    let before = bytes[..start].iter().rev().take_while(|byte| belongs(byte)).count();
    let behind = bytes[start..].iter().take_while(|byte| belongs(byte)).count();
    Some(start - before..start + behind)
}

#[test]
fn mutations_differ_and_are_the_same_again() {
    let corpus = [b"seconds = 1.0".to_vec(), vec![0; 100], Vec::new()];
    let all = || {
        let mut random = weaklabel::base::counter_rng::Key::new(1).stream();
        (0..1000).map(|_| mutated(&corpus, &mut random)).collect::<Vec<_>>()
    };
    let (mut once, again) = (all(), all());
    assert_eq!(once, again);
    assert!(once.iter().all(|bytes| bytes.len() <= MOST_BYTES));
    once.sort();
    once.dedup();
    assert!(once.len() > 400, "only {} are different", once.len());
}
