//! Bytes of any number that nobody stores: one block of noise, repeated.
//!
//! What always holds here: the same number gives the same bytes; every byte can be given from its
//! offset alone, without a copy; the checksum costs a few steps, whatever the number.

use std::sync::LazyLock;

use bytes::Bytes;
use crc32fast::Hasher;

/// The size of the block.
pub(crate) const BLOCK_BYTES: usize = 1 << 20;

/// The block: no compression on the way can make it cheaper than it looks.
static BLOCK: LazyLock<Bytes> = LazyLock::new(|| {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let bytes: Vec<u8> = words.take(BLOCK_BYTES / 8).flatten().collect();
    bytes.into()
});

/// Some of `size_bytes` bytes of noise, from that offset to the end of its block at most; none from
/// the end on.
pub(crate) fn chunk(offset: u64, size_bytes: u64) -> Bytes {
    // Both fit, as they are not larger than a block.
    let start = (offset % BLOCK_BYTES as u64) as usize;
    let left_bytes = size_bytes.saturating_sub(offset);
    let count = left_bytes.min((BLOCK_BYTES - start) as u64) as usize;
    BLOCK.slice(start..start + count)
}

/// The CRC-32 of `size_bytes` bytes of noise, from the block's own by doubling.
pub(crate) fn crc(size_bytes: u64) -> u32 {
    let rest = (size_bytes % BLOCK_BYTES as u64) as usize;
    let mut power = Hasher::new();
    power.update(&BLOCK);
    let mut total = Hasher::new();
    // All blocks are equal, so the order of the powers does not matter.
    let mut blocks = size_bytes / BLOCK_BYTES as u64;
    while blocks > 0 {
        if blocks & 1 == 1 {
            total.combine(&power);
        }
        let same = power.clone();
        power.combine(&same);
        blocks >>= 1;
    }
    total.update(&BLOCK[..rest]);
    total.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_chunks() {
        let block = BLOCK_BYTES as u64;
        for size_bytes in [0, 1, block - 1, block, block + 1, 7 * block + 12_345] {
            let mut hasher = Hasher::new();
            let mut offset = 0;
            loop {
                let chunk = chunk(offset, size_bytes);
                if chunk.is_empty() {
                    break;
                }
                hasher.update(&chunk);
                offset += chunk.len() as u64;
            }
            assert_eq!(offset, size_bytes);
            assert_eq!(hasher.finalize(), crc(size_bytes), "{size_bytes}");
        }
    }
}
