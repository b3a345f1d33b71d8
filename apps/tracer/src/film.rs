//! From linear light to a PNG file.

use crate::frame::Picture;

/// Brings the studio's light to the film's middle.
const EXPOSURE: f32 = 0.85;

/// An 8-bit RGB PNG of the picture.
///
/// # Errors
/// When the encoder refuses, which for a picture of at least one pixel it does not.
pub fn develop(picture: &Picture) -> Result<Vec<u8>, png::EncodingError> {
    let thresholds = thresholds();
    let mut bytes = Vec::with_capacity(picture.pixels.len() * 3);
    for &pixel in &picture.pixels {
        let colour = pixel * EXPOSURE;
        for value in [colour.x, colour.y, colour.z] {
            let value = tone(value);
            bytes.push(thresholds.partition_point(|&threshold| threshold <= value) as u8);
        }
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&bytes)?;
    writer.finish()?;
    Ok(file)
}

/// Bends unlimited light into 0 to 1: a rational fit to the film curve of ACES (K. Narkowicz, 2015).
fn tone(x: f32) -> f32 {
    let x = if x > 0.0 { x.clamp(0.0, 1e4) } else { 0.0 };
    (x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)).clamp(0.0, 1.0)
}

/// The linear value from which on each sRGB code above 0 is the nearest.
fn thresholds() -> [f32; 255] {
    std::array::from_fn(|code| {
        let encoded = (code as f64 + 0.5) / 255.0;
        if encoded <= 0.04045 {
            return (encoded / 12.92) as f32;
        }
        // x to the 2.4 is x squared times the fifth root of x squared, which Newton finds without a `libm`.
        let square = ((encoded + 0.055) / 1.055) * ((encoded + 0.055) / 1.055);
        let mut root = 1.0;
        for _ in 0..40 {
            root = (4.0 * root + square / (root * root * root * root)) / 5.0;
        }
        (square * root) as f32
    })
}

#[cfg(test)]
mod tests {
    use super::{develop, thresholds};
    use crate::frame::Picture;
    use crate::math::{Vec3, vec3};

    #[test]
    fn a_picture_decodes_to_what_was_drawn() {
        let pixels = vec![
            Vec3::ZERO,
            vec3(100.0, 0.0, 0.0),
            vec3(f32::NAN, f32::NEG_INFINITY, f32::INFINITY),
            vec3(0.2, 0.2, 0.2),
            Vec3::splat(-1.0),
            vec3(0.0, 1e30, 0.0),
        ];
        let file = develop(&Picture { width: 3, height: 2, pixels }).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!((info.width, info.height), (3, 2));
        assert_eq!(bytes[..9], [0, 0, 0, 255, 0, 0, 0, 0, 255]);
        assert!(bytes[9] > 60 && bytes[9] < 200 && bytes[9] == bytes[10]);
        assert_eq!(bytes[12..], [0, 0, 0, 0, 255, 0]);
    }

    #[test]
    fn codes_are_those_of_srgb() {
        for (code, threshold) in thresholds().into_iter().enumerate() {
            let linear = f64::from(threshold);
            let encoded = if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
            assert!((encoded * 255.0 - code as f64 - 0.5).abs() < 1e-3, "{code}");
        }
    }
}
