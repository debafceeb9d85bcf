//! Small real images, written by hand: one plain colour each, which follows from a seed.
//!
//! No image library: what is written here must stay so simple that every reader of images takes it.

use std::io::Write as _;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use crate::chance::stable_hash;

/// Pixels of a side.
const SIDE: u16 = 16;
/// Bytes of a chunk of PNG around its content.
const PNG_CHUNK_FRAME: usize = 12;
/// Most pixels between two clear codes of GIF, so that codes never grow beyond 8 bits.
const GIF_RUN: usize = 120;
/// Colours in the table of a GIF.
const GIF_COLOURS: u8 = 128;

/// A PNG of at least so many bytes, as far as a chunk can fill it up.
pub fn png(seed: &str, wanted: usize) -> Vec<u8> {
    let [red, green, blue, ..] = stable_hash(seed).to_be_bytes();
    let side = usize::from(SIDE);
    let row: Vec<u8> = [0].into_iter().chain([red, green, blue].into_iter().cycle().take(side * 3)).collect();
    let mut header = Vec::new();
    header.extend_from_slice(&u32::from(SIDE).to_be_bytes());
    header.extend_from_slice(&u32::from(SIDE).to_be_bytes());
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    let pixels = zlib(&row.repeat(side));
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    png_chunk(&mut bytes, *b"IHDR", &header);
    let rest = pixels.len() + 2 * PNG_CHUNK_FRAME;
    if let Some(spare) = wanted.checked_sub(bytes.len() + rest + PNG_CHUNK_FRAME) {
        // A private chunk that readers may skip.
        png_chunk(&mut bytes, *b"faKe", &vec![0; spare]);
    }
    png_chunk(&mut bytes, *b"IDAT", &pixels);
    png_chunk(&mut bytes, *b"IEND", &[]);
    bytes
}

/// A grey baseline JPEG.
pub fn jpeg(seed: &str) -> Vec<u8> {
    let [low, high] = SIDE.to_le_bytes();
    let mut bytes = vec![0xff, 0xd8];
    segment(&mut bytes, 0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    let comment = format!("invented {seed}");
    segment(&mut bytes, 0xfe, comment.as_bytes());
    segment(&mut bytes, 0xdb, &[&[0][..], &[8; 64]].concat());
    segment(&mut bytes, 0xc0, &[8, high, low, high, low, 1, 1, 0x11, 0]);
    // Twelve codes of four bits for the differences, one code of one bit for the end of a block.
    let lengths = [0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    segment(&mut bytes, 0xc4, &[&[0x00][..], &lengths, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]].concat());
    segment(&mut bytes, 0xc4, &[&[0x10, 1][..], &[0; 15], &[0]].concat());
    segment(&mut bytes, 0xda, &[1, 1, 0, 0, 63, 0]);
    bytes.extend(jpeg_blocks(seed));
    bytes.extend_from_slice(&[0xff, 0xd9]);
    bytes
}

/// A GIF with one frame.
pub fn gif(seed: &str) -> Vec<u8> {
    let side = SIDE.to_le_bytes();
    let mut bytes = [&b"GIF89a"[..], &side, &side, &[0xf6, 0, 0]].concat();
    let shift = stable_hash(seed).to_be_bytes();
    for colour in 0..GIF_COLOURS {
        bytes.extend(shift.iter().take(3).map(|part| part.wrapping_add(colour)));
    }
    bytes.extend_from_slice(&[&[0x2c, 0, 0, 0, 0][..], &side, &side, &[0, 7]].concat());
    let pixels: Vec<u8> = (0..SIDE * SIDE).map(|place| place.to_le_bytes()[0] % GIF_COLOURS).collect();
    let mut codes = Vec::new();
    for run in pixels.chunks(GIF_RUN) {
        // Code 128 clears the table.
        codes.push(GIF_COLOURS);
        codes.extend_from_slice(run);
    }
    codes.push(GIF_COLOURS + 1);
    for block in codes.chunks(usize::from(u8::MAX)) {
        bytes.push(u8::try_from(block.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(block);
    }
    bytes.extend_from_slice(&[0, 0x3b]);
    bytes
}

fn png_chunk(bytes: &mut Vec<u8>, name: [u8; 4], content: &[u8]) {
    let length = u32::try_from(content.len()).unwrap_or(0);
    let mut sum = Crc::new();
    sum.update(&name);
    sum.update(content);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&name);
    bytes.extend_from_slice(content);
    bytes.extend_from_slice(&sum.sum().to_be_bytes());
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let written = encoder.write_all(plain).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}

fn segment(bytes: &mut Vec<u8>, marker: u8, content: &[u8]) {
    let length = u16::try_from(content.len() + 2).unwrap_or(2);
    bytes.extend_from_slice(&[0xff, marker]);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(content);
}

/// Four blocks: the first has the grey of the seed, each other one the same grey.
fn jpeg_blocks(seed: &str) -> Vec<u8> {
    let level = i32::from(stable_hash(seed).to_be_bytes()[0]) - 128;
    let mut bits = Vec::new();
    for difference in [level, 0, 0, 0] {
        let category = 32 - difference.unsigned_abs().leading_zeros();
        push_bits(&mut bits, category, 4);
        let value = if difference < 0 { difference - 1 } else { difference };
        push_bits(&mut bits, value.cast_unsigned(), category);
        push_bits(&mut bits, 0, 1);
    }
    while bits.len() % 8 != 0 {
        bits.push(true);
    }
    let bytes = bits.chunks(8).map(|byte| byte.iter().fold(0_u8, |all, bit| (all << 1) | u8::from(*bit)));
    bytes.flat_map(|byte| if byte == 0xff { vec![byte, 0] } else { vec![byte] }).collect()
}

fn push_bits(bits: &mut Vec<bool>, value: u32, count: u32) {
    bits.extend((0..count).rev().map(|place| (value >> place) & 1 == 1));
}
