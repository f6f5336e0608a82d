//! Bech32 (BIP 173), as age writes keys: a word for the kind, `1`, and 32 bytes with a checksum. Deliberately
//! absent: other lengths, and where in a text a slip is.

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const KEY_BYTES: usize = 32;
/// 256 bits, five at a time.
const DATA_DIGITS: usize = 52;
const CHECKSUM_DIGITS: usize = 6;

/// The key that a text of this kind holds; `None` for anything else.
pub(super) fn decode(kind: &str, text: &str) -> Option<[u8; KEY_BYTES]> {
    let is_lower = |byte: u8| !byte.is_ascii_uppercase();
    let is_upper = |byte: u8| !byte.is_ascii_lowercase();
    if !text.bytes().all(is_lower) && !text.bytes().all(is_upper) {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let digits = text.strip_prefix(kind)?.strip_prefix('1')?;
    let value = |byte: u8| ALPHABET.iter().position(|it| *it == byte);
    let digits: Option<Vec<u8>> = digits
        .bytes()
        .map(|byte| value(byte).and_then(|value| u8::try_from(value).ok()))
        .collect();
    let digits = digits?;
    if digits.len() != DATA_DIGITS + CHECKSUM_DIGITS || checksum(kind, &digits) != 1 {
        return None;
    }
    let mut key = [0; KEY_BYTES];
    let (mut bits, mut held, mut at) = (0_u32, 0, 0);
    for digit in &digits[..DATA_DIGITS] {
        bits = bits << 5 | u32::from(*digit);
        held += 5;
        if held >= 8 {
            held -= 8;
            *key.get_mut(at)? = (bits >> held & 0xff) as u8;
            at += 1;
        }
    }
    let rest = bits & ((1 << held) - 1);
    (rest == 0).then_some(key)
}

/// The text of a key of this kind.
pub(super) fn encode(kind: &str, key: &[u8; KEY_BYTES]) -> String {
    let mut digits = Vec::with_capacity(DATA_DIGITS + CHECKSUM_DIGITS);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in key {
        bits = (bits << 8 | u32::from(*byte)) & 0xffff;
        held += 8;
        while held >= 5 {
            held -= 5;
            digits.push((bits >> held & 31) as u8);
        }
    }
    digits.push((bits << (5 - held) & 31) as u8);
    let mut checked = digits.clone();
    checked.extend([0; CHECKSUM_DIGITS]);
    let checksum = checksum(kind, &checked) ^ 1;
    digits.extend((0..CHECKSUM_DIGITS).map(|at| (checksum >> (5 * (5 - at)) & 31) as u8));
    let digits = digits
        .iter()
        .map(|digit| char::from(ALPHABET[usize::from(*digit)]));
    format!("{kind}1{}", digits.collect::<String>())
}

/// 1 for digits that end in their checksum.
fn checksum(kind: &str, digits: &[u8]) -> u32 {
    const GENERATOR: [u32; 5] = [
        0x3b6a_57b2,
        0x2650_8e6d,
        0x1ea1_19fa,
        0x3d42_33dd,
        0x2a14_62b3,
    ];
    let high = kind.bytes().map(|byte| byte >> 5);
    let low = kind.bytes().map(|byte| byte & 31);
    let whole = high.chain([0]).chain(low).chain(digits.iter().copied());
    whole.fold(1, |sum, digit| {
        let top = sum >> 25;
        let shifted = (sum & 0x01ff_ffff) << 5 ^ u32::from(digit);
        (0..5)
            .filter(|bit| top >> bit & 1 == 1)
            .fold(shifted, |sum, bit| sum ^ GENERATOR[bit])
    })
}
