//! Mutations of inputs, determined by a seed.

/// splitmix64: small, and good enough to choose where to damage something.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number up to `limit`, 0 and `limit` included.
    fn up_to(&mut self, limit: usize) -> usize {
        let range = limit as u64 + 1;
        usize::try_from(self.next() % range).unwrap_or(0)
    }
}

/// One of the inputs with one to eight changes.
pub(crate) fn mutate(inputs: &[&[u8]], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = pick(inputs, chance).to_vec();
    for _ in 0..=chance.up_to(7) {
        change(&mut bytes, inputs, chance);
    }
    bytes
}

fn pick<'i>(inputs: &[&'i [u8]], chance: &mut Chance) -> &'i [u8] {
    inputs[chance.up_to(inputs.len() - 1)]
}

/// A part of `bytes`, mostly a short one.
fn part(bytes: &[u8], chance: &mut Chance) -> std::ops::Range<usize> {
    let start = chance.up_to(bytes.len());
    let longest = match chance.up_to(3) {
        0 => bytes.len() - start,
        _ => 16.min(bytes.len() - start),
    };
    start..start + chance.up_to(longest)
}

fn change(bytes: &mut Vec<u8>, inputs: &[&[u8]], chance: &mut Chance) {
    const TELLING: [u8; 10] = [0, 1, 0x7f, 0x80, 0xff, b'<', b'"', b'\n', 0xc0, 0xdf];
    let at = chance.up_to(bytes.len());
    match chance.up_to(8) {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << chance.up_to(7);
            }
        }
        2 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = TELLING[chance.up_to(TELLING.len() - 1)];
            }
        }
        3 => bytes.insert(at, TELLING[chance.up_to(TELLING.len() - 1)]),
        4 => bytes.truncate(at),
        5 => drop(bytes.drain(part(bytes, chance))),
        6 => {
            let twice = bytes[part(bytes, chance)].to_vec();
            bytes.splice(at..at, twice).for_each(drop);
        }
        7 => {
            let other = pick(inputs, chance);
            let other = other[part(other, chance)].to_vec();
            bytes.splice(at..at, other).for_each(drop);
        }
        _ => {
            let other = pick(inputs, chance);
            let behind = other[part(other, chance).start..].to_vec();
            bytes.truncate(at);
            bytes.extend(behind);
        }
    }
}
