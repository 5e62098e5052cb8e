//! The memory that a Vorbis stream's codebooks need, computed from the setup header before they are built. A few bytes
//! of a damaged header can request megabytes.

use std::io;

use symphonia::core::io::{BitReaderRtl, ReadBitsRtl};

/// Largest total size of all codebooks of a stream. Codebooks of known encoders take less than 3 MB.
const MAX_BYTES: u64 = 32 << 20;
/// Bytes of an entry besides its vector: its code word, and its place in the lookup tables.
const ENTRY_BYTES: u64 = 64;

/// First bytes of a setup header.
const SETUP_MARK: &[u8] = b"\x05vorbis";

/// Largest number of dimensions of an entry's vector. With more, the decoder's arithmetic overflows.
const MAX_DIMENSIONS: u32 = 31;

/// Returns an error if the codebooks described by the header `setup` are too large.
pub(super) fn check(setup: &[u8]) -> Result<(), String> {
    // A header that ends too early or is wrong in another way is left to the decoder, which reports the error.
    let n_bytes = setup.strip_prefix(SETUP_MARK).map_or(Ok(0), n_bytes).unwrap_or(0);
    if n_bytes > MAX_BYTES {
        return Err("damaged: its codebooks are too large".into());
    }
    Ok(())
}

/// Returns the number of bytes of the codebooks described after the mark of a setup header; `u64::MAX` if they are too
/// large.
fn n_bytes(setup: &[u8]) -> io::Result<u64> {
    let mut bits = BitReaderRtl::new(setup);
    let n_codebooks = bits.read_bits_leq32(8)? + 1;
    let mut n_bytes = 0;
    for _ in 0..n_codebooks {
        bits.ignore_bits(24)?; // The mark of a codebook.
        let (dimensions, n_entries) = (bits.read_bits_leq32(16)?, bits.read_bits_leq32(24)?);
        n_bytes += u64::from(n_entries) * (4 * u64::from(dimensions) + ENTRY_BYTES);
        if n_bytes > MAX_BYTES || dimensions > MAX_DIMENSIONS {
            return Ok(u64::MAX);
        }
        skip_lengths(&mut bits, n_entries)?;
        skip_vectors(&mut bits, n_entries, dimensions)?;
    }
    Ok(n_bytes)
}

/// Skips the lengths of the code words.
fn skip_lengths(bits: &mut BitReaderRtl, n_entries: u32) -> io::Result<()> {
    if bits.read_bool()? {
        // The lengths are ordered: the header has the number of entries with the shortest length, with the next, and so
        // on.
        bits.ignore_bits(5)?;
        let mut n_done = 0;
        while n_done < n_entries {
            n_done += bits.read_bits_leq32(n_bits(n_entries - n_done))?;
        }
        return Ok(());
    }
    let is_sparse = bits.read_bool()?;
    for _ in 0..n_entries {
        if !is_sparse || bits.read_bool()? {
            bits.ignore_bits(5)?;
        }
    }
    Ok(())
}

/// Skips the numbers that make up the entries' vectors.
fn skip_vectors(bits: &mut BitReaderRtl, n_entries: u32, dimensions: u32) -> io::Result<()> {
    let kind = bits.read_bits_leq32(4)?;
    if kind == 0 {
        return Ok(());
    }
    bits.ignore_bits(64)?; // The least number, and the step.
    let n_bits = bits.read_bits_leq32(4)? + 1;
    bits.ignore_bits(1)?;
    let n_numbers = if kind == 1 { lattice_values(n_entries, dimensions) } else { n_entries * dimensions };
    (0..n_numbers).try_for_each(|_| bits.ignore_bits(n_bits))
}

/// Returns the largest number of values per axis with which a lattice of `dimensions` axes has at most `n_entries`
/// points.
fn lattice_values(n_entries: u32, dimensions: u32) -> u32 {
    let fits = |n: &u32| u64::from(*n).checked_pow(dimensions).is_some_and(|points| points <= n_entries.into());
    (1..=n_entries).take_while(fits).last().unwrap_or(0)
}

/// Returns the number of bits of the binary number `n`.
fn n_bits(n: u32) -> u32 {
    u32::BITS - n.leading_zeros()
}
