//! How much the Fernet stream costs beyond what it is made of: the stream and each of its
//! primitives, measured in turns in one run, on one core, over data in the processor's cache.
//!
//! `cargo bench --bench fernet [-- ROUNDS]` prints the table; the figures to look at are the two
//! ratios, which a busy machine moves less than the speeds.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on has failed, and it prints"
)]

use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use base64_simd::{AsOut, URL_SAFE};
use broker_courier::measured::{Encryptor, FernetKey, TokenSeed};
use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sha::Sha256;
use openssl::sign::Signer;

const MESSAGE_BYTES: usize = 64 << 20;
// The primitives get pieces of the size that the stream gives them.
const PIECE_BYTES: usize = 48 * 1024;
const CHUNK_BYTES: [usize; 4] = [8 << 10, 64 << 10, 256 << 10, 1 << 20];
const KEY: [u8; 16] = [7; 16];

/// Takes the text as a socket or file would, without their cost.
struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        black_box(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn aes(pieces: usize, input: &[u8], output: &mut [u8]) {
    let mut cipher = CipherCtx::new().unwrap();
    cipher
        .encrypt_init(Some(Cipher::aes_128_cbc()), Some(&KEY), Some(&KEY))
        .unwrap();
    for _ in 0..pieces {
        black_box(cipher.cipher_update(input, Some(output)).unwrap());
    }
}

fn hmac(pieces: usize, input: &[u8]) {
    let mut signer = Signer::new(MessageDigest::sha256(), &PKey::hmac(&KEY).unwrap()).unwrap();
    for _ in 0..pieces {
        signer.update(black_box(input)).unwrap();
    }
    black_box(signer.sign_to_vec().unwrap());
}

fn sha256(pieces: usize, input: &[u8]) {
    let mut hash = Sha256::new();
    for _ in 0..pieces {
        hash.update(black_box(input));
    }
    black_box(hash.finish());
}

fn base64(pieces: usize, input: &[u8], output: &mut [u8]) {
    for _ in 0..pieces {
        black_box(URL_SAFE.encode(black_box(input), output.as_out()));
    }
}

fn stream(key: &FernetKey, chunk: &[u8]) {
    let seed = TokenSeed {
        time_seconds: 0,
        iv: KEY,
    };
    let mut encryptor = Encryptor::new(key, &seed, Nowhere).unwrap();
    for _ in 0..MESSAGE_BYTES / chunk.len() {
        encryptor.update(black_box(chunk)).unwrap();
    }
    black_box(encryptor.finish().unwrap().1);
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

fn main() {
    // `cargo bench` adds arguments of its own.
    let rounds = std::env::args()
        .skip(1)
        .find_map(|word| word.parse().ok())
        .unwrap_or(15);
    let folder = tempfile::tempdir().unwrap();
    let key = FernetKey::generate(&folder.path().join("key")).unwrap();
    let plaintext: Vec<u8> = (0..1_usize << 20)
        .map(|index| (index * 2_654_435_761) as u8)
        .collect();
    let piece = &plaintext[..PIECE_BYTES];
    let mut binary = vec![0; PIECE_BYTES + 16];
    let mut text = vec![0; URL_SAFE.encoded_length(PIECE_BYTES)];
    let text_piece = vec![b'A'; text.len()];
    let pieces = MESSAGE_BYTES / PIECE_BYTES;

    let names = [
        "AES-128-CBC",
        "HMAC-SHA256",
        "base64",
        "SHA-256 of plaintext",
        "SHA-256 of token",
    ];
    let mut parts: Vec<Vec<Duration>> = vec![Vec::new(); names.len()];
    let mut streams: Vec<Vec<Duration>> = vec![Vec::new(); CHUNK_BYTES.len()];
    for _ in 0..rounds {
        parts[0].push(time(|| aes(pieces, piece, &mut binary)));
        parts[1].push(time(|| hmac(pieces, piece)));
        parts[2].push(time(|| base64(pieces, piece, &mut text)));
        parts[3].push(time(|| sha256(pieces, piece)));
        parts[4].push(time(|| sha256(pieces, &text_piece)));
        for (times, chunk_bytes) in streams.iter_mut().zip(CHUNK_BYTES) {
            times.push(time(|| stream(&key, &plaintext[..chunk_bytes])));
        }
    }

    let mebibytes = (MESSAGE_BYTES >> 20) as f64;
    let parts: Vec<f64> = parts.into_iter().map(median).collect();
    for (name, seconds) in names.iter().zip(&parts) {
        println!("{name:<22} {:>7.0} MiB/s of plaintext", mebibytes / seconds);
    }
    let token: f64 = parts[..3].iter().sum();
    let everything: f64 = parts.iter().sum();
    println!(
        "{:<22} {:>7.0} MiB/s",
        "sum: token alone",
        mebibytes / token
    );
    println!(
        "{:<22} {:>7.0} MiB/s",
        "sum: with digests",
        mebibytes / everything
    );
    for (times, chunk_bytes) in streams.into_iter().zip(CHUNK_BYTES) {
        let seconds = median(times);
        println!(
            "stream, {:>4} KiB chunks {:>6.0} MiB/s   {:>5.1} % of the sum with digests, {:>5.1} % of the token alone",
            chunk_bytes >> 10,
            mebibytes / seconds,
            100.0 * everything / seconds,
            100.0 * token / seconds,
        );
    }
}
