//! Pictures (PNG).

use crate::{Answer, Bound};
use png::{Decoder, Transformations};
use std::io::Cursor;

/// The most pixels of a picture that is looked at.
const MOST_PIXELS: u64 = 64 << 20;
/// The side of the squares that structure is compared in, pixels.
const WINDOW: usize = 8;
/// SSIM's constants for 8 bits: (0.01 × 255)² and (0.03 × 255)².
const MEANS: f64 = 6.5025;
/// See [`MEANS`].
const VARIANCES: f64 = 58.5225;

/// Four bytes a pixel.
struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// Why a file is not looked at.
enum Unseen {
    NoPicture,
    TooLarge,
}

/// Compares two PNG files: by their peak signal-to-noise ratio in decibels over all channels, and by their mean structural
/// similarity (0 to 1, over squares of 8 pixels of their lightness), whichever is asked for.
#[must_use]
pub fn pictures(one: &[u8], other: &[u8], psnr: Option<Bound>, ssim: Option<Bound>) -> Answer {
    if one == other {
        return Answer::Equal;
    }
    let (one, other) = match (decode(one), decode(other)) {
        (Ok(one), Ok(other)) => (one, other),
        (Err(Unseen::TooLarge), Err(Unseen::TooLarge) | Ok(_)) | (Ok(_), Err(Unseen::TooLarge)) => {
            return Answer::Inconclusive;
        }
        (Err(_), _) | (_, Err(Unseen::NoPicture)) => return Answer::Different,
    };
    if (one.width, one.height) != (other.width, other.height) {
        return Answer::Different;
    }
    let noise = psnr.map_or(Answer::Equal, |bound| bound.at_least(ratio(&one, &other)));
    let structure = ssim.map_or(Answer::Equal, |bound| bound.at_least(similarity(&one, &other)));
    noise.max(structure)
}

fn decode(file: &[u8]) -> Result<Picture, Unseen> {
    let mut decoder = Decoder::new(Cursor::new(file));
    decoder.set_transformations(Transformations::normalize_to_color8() | Transformations::ALPHA);
    let mut reader = decoder.read_info().map_err(|_| Unseen::NoPicture)?;
    let (width, height) = (reader.info().width, reader.info().height);
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(Unseen::TooLarge);
    }
    let size = reader.output_buffer_size().ok_or(Unseen::TooLarge)?;
    let mut bytes = vec![0; size];
    let frame = reader.next_frame(&mut bytes).map_err(|_| Unseen::NoPicture)?;
    bytes.truncate(frame.buffer_size());
    let pixels = match frame.color_type.samples() {
        4 => bytes,
        2 => bytes.as_chunks::<2>().0.iter().flat_map(|[light, alpha]| [*light, *light, *light, *alpha]).collect(),
        _ => return Err(Unseen::NoPicture),
    };
    let side = |length: u32| usize::try_from(length).map_err(|_| Unseen::TooLarge);
    Ok(Picture { width: side(width)?, height: side(height)?, pixels })
}

/// Decibels; of equal pictures, infinity.
fn ratio(one: &Picture, other: &Picture) -> f64 {
    let squares = |(one, other): (&u8, &u8)| u64::from(one.abs_diff(*other)).pow(2);
    let sum: u64 = one.pixels.iter().zip(&other.pixels).map(squares).sum();
    if sum == 0 {
        return f64::INFINITY;
    }
    let mean = as_float(sum) / as_float(one.pixels.len() as u64);
    10.0 * (255.0 * 255.0 / mean).log10()
}

fn similarity(one: &Picture, other: &Picture) -> f64 {
    let (mut sum, mut windows) = (0.0, 0_u64);
    for top in (0..one.height).step_by(WINDOW) {
        for left in (0..one.width).step_by(WINDOW) {
            sum += window(one, other, left, top);
            windows += 1;
        }
    }
    sum / as_float(windows.max(1))
}

/// SSIM of one square.
fn window(one: &Picture, other: &Picture, left: usize, top: usize) -> f64 {
    let (mut count, mut sums, mut squares, mut product) = (0_u64, [0.0; 2], [0.0; 2], 0.0);
    for y in top..(top + WINDOW).min(one.height) {
        for x in left..(left + WINDOW).min(one.width) {
            let values = [one.lightness(x, y), other.lightness(x, y)];
            for (place, value) in values.iter().enumerate() {
                sums[place] += value;
                squares[place] += value * value;
            }
            product += values[0] * values[1];
            count += 1;
        }
    }
    let count = as_float(count.max(1));
    let means = sums.map(|sum| sum / count);
    let variance = |place: usize| (squares[place] / count - means[place] * means[place]).max(0.0);
    let together = product / count - means[0] * means[1];
    let alike = (2.0 * means[0] * means[1] + MEANS) * (2.0 * together + VARIANCES);
    let whole = (means[0] * means[0] + means[1] * means[1] + MEANS) * (variance(0) + variance(1) + VARIANCES);
    alike / whole
}

impl Picture {
    /// Rec. 601's, 0 to 255, over black.
    fn lightness(&self, x: usize, y: usize) -> f64 {
        let at = (y * self.width + x) * 4;
        let [red, green, blue, alpha] = [0, 1, 2, 3].map(|channel| f64::from(self.pixels[at + channel]));
        (0.299 * red + 0.587 * green + 0.114 * blue) * alpha / 255.0
    }
}

/// Counts here are far below 2⁵³.
fn as_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let pixels: Vec<u8> =
            (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y)).collect();
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&pixels).unwrap();
        writer.finish().unwrap();
        file
    }

    fn scene(x: u32, y: u32) -> [u8; 3] {
        let shade = u8::try_from((x * 7 + y * 3) % 200 + 20).unwrap();
        [shade, shade / 2, 255 - shade]
    }

    fn bound(text: &str) -> Option<Bound> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_little_noise_is_as_good_as_equal_and_another_picture_is_not() {
        let original = png(40, 30, scene);
        let noisy = png(40, 30, |x, y| scene(x, y).map(|it| if (x + y) % 5 == 0 { it + 1 } else { it }));
        let other = png(40, 30, |x, y| scene(y, x));
        for (picture, psnr, ssim) in [(&noisy, "equal", "equal"), (&other, "different", "different")] {
            assert_eq!(pictures(&original, picture, bound("45"), None).word(), psnr);
            assert_eq!(pictures(&original, picture, None, bound("0.98")).word(), ssim);
            assert_eq!(pictures(picture, &original, bound("45"), bound("0.98")).word(), psnr, "whichever comes first");
        }
        assert_eq!(pictures(&original, &noisy, bound("45..60"), None), Answer::Inconclusive);
    }

    #[test]
    fn a_black_frame_does_not_pass_for_a_dark_one() {
        let dark = png(64, 64, |x, y| if (x / 4 + y / 4) % 2 == 0 { [12, 12, 12] } else { [4, 4, 4] });
        let black = png(64, 64, |_, _| [8, 8, 8]);
        assert_eq!(pictures(&dark, &black, bound("30"), None), Answer::Equal, "noise alone is fooled");
        assert_eq!(pictures(&dark, &black, bound("30"), bound("0.9")), Answer::Different);
    }

    #[test]
    fn another_size_or_no_picture_at_all_is_different() {
        let picture = png(8, 8, scene);
        assert_eq!(pictures(&picture, &png(8, 9, scene), bound("10"), None), Answer::Different);
        assert_eq!(pictures(&picture, b"no picture", bound("10"), None), Answer::Different);
        assert_eq!(pictures(&picture, &picture[..picture.len() - 20], bound("10"), None), Answer::Different);
    }

    #[test]
    fn a_picture_too_large_to_be_looked_at_decides_nothing() {
        let mut large = png(8, 8, scene);
        // The header's width and its checksum: 65,536 by 65,536 pixels.
        large[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let checksum = crc(&large[12..29]);
        large[29..33].copy_from_slice(&checksum.to_be_bytes());
        assert_eq!(pictures(&png(8, 8, scene), &large, bound("10"), None), Answer::Inconclusive);
    }

    /// PNG's checksum.
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
        })
    }
}
