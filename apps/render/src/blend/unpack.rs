//! Undoing what a file was packed with.

use super::BadBlend;
use flate2::read::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::borrow::Cow;
use std::io::Read as _;

/// The most that a file may be when it is unpacked.
const MOST_BYTES: usize = 2 << 30;
/// How much is unpacked at once.
const PIECE: usize = 1 << 20;

/// The file as Blender reads it.
pub(super) fn unpack(file: &[u8]) -> Result<Cow<'_, [u8]>, BadBlend> {
    match file {
        [0x1f, 0x8b, ..] => gzip(file).map(Cow::Owned),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => zstandard(file).map(Cow::Owned),
        _ => Ok(Cow::Borrowed(file)),
    }
}

fn gzip(file: &[u8]) -> Result<Vec<u8>, BadBlend> {
    let mut unpacked = Vec::new();
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    let read = MultiGzDecoder::new(file).take(most + 1).read_to_end(&mut unpacked);
    match read {
        Ok(_) if unpacked.len() > MOST_BYTES => Err(BadBlend::TooLarge),
        Ok(_) => Ok(unpacked),
        Err(_) => Err(BadBlend::Compressed),
    }
}

/// Blender writes many frames, and a table of where they are in one to be skipped.
fn zstandard(mut file: &[u8]) -> Result<Vec<u8>, BadBlend> {
    let mut decoder = FrameDecoder::new();
    let mut unpacked = Vec::new();
    let mut piece = vec![0; PIECE];
    while !file.is_empty() {
        match decoder.init(&mut file) {
            Ok(()) => {}
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let length = usize::try_from(length).map_err(|_| BadBlend::Compressed)?;
                file = file.get(length..).ok_or(BadBlend::Compressed)?;
                continue;
            }
            Err(_) => return Err(BadBlend::Compressed),
        }
        loop {
            let done = decoder.decode_blocks(&mut file, BlockDecodingStrategy::UptoBytes(PIECE));
            let done = done.map_err(|_| BadBlend::Compressed)?;
            loop {
                match decoder.read(&mut piece) {
                    Ok(0) => break,
                    Ok(read) => unpacked.extend_from_slice(&piece[..read]),
                    Err(_) => return Err(BadBlend::Compressed),
                }
                if unpacked.len() > MOST_BYTES {
                    return Err(BadBlend::TooLarge);
                }
            }
            if done {
                break;
            }
        }
    }
    Ok(unpacked)
}
