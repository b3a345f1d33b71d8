//! What frames become, seen by decoding it again.

use std::io::Cursor;

use gallery::{Frame, GalleryError, animation, contact_sheet, preview};
use proptest::prelude::{any, proptest};

fn png_of(width: u32, height: u32, kind: png::ColorType, depth: png::BitDepth, samples: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(kind);
    encoder.set_depth(depth);
    if kind == png::ColorType::Indexed {
        encoder.set_palette(vec![1, 2, 3, 40, 50, 60]);
    }
    let mut writer = encoder.write_header().expect("a header fits a vector");
    writer.write_image_data(samples).expect("as many samples as the header says");
    drop(writer);
    file
}

fn plain(width: u32, height: u32, colour: [u8; 3]) -> Frame {
    let samples = colour.repeat(width as usize * height as usize);
    Frame::from_png(&png_of(width, height, png::ColorType::Rgb, png::BitDepth::Eight, &samples)).expect("a PNG")
}

/// The decoded picture, as rows of pixels.
fn pixels(file: &[u8]) -> Vec<Vec<[u8; 3]>> {
    let mut reader = png::Decoder::new(Cursor::new(file)).read_info().expect("a PNG");
    let mut rgb = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut rgb).expect("a frame");
    let rows = rgb.chunks(info.width as usize * 3);
    rows.map(|row| row.chunks(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()).collect()
}

const RED: [u8; 3] = [200, 0, 0];
const BLUE: [u8; 3] = [0, 0, 200];

#[test]
fn any_kind_of_png_becomes_a_frame() {
    use png::{BitDepth, ColorType};
    let one = |kind, depth, samples: &[u8]| {
        let frame = Frame::from_png(&png_of(1, 1, kind, depth, samples)).unwrap();
        pixels(&contact_sheet(&[frame], None).unwrap())[4][4]
    };
    assert_eq!(one(ColorType::Rgb, BitDepth::Eight, &[9, 8, 7]), [9, 8, 7]);
    assert_eq!(one(ColorType::Rgb, BitDepth::Sixteen, &[9, 99, 8, 99, 7, 99]), [9, 8, 7]);
    assert_eq!(one(ColorType::Rgba, BitDepth::Eight, &[200, 100, 50, 128]), [100, 50, 25]);
    assert_eq!(one(ColorType::Grayscale, BitDepth::Eight, &[77]), [77; 3]);
    assert_eq!(one(ColorType::Grayscale, BitDepth::One, &[0x80]), [255; 3]);
    assert_eq!(one(ColorType::GrayscaleAlpha, BitDepth::Eight, &[200, 0]), [0; 3]);
    assert_eq!(one(ColorType::Indexed, BitDepth::Eight, &[1]), [40, 50, 60]);
}

#[test]
fn a_sheet_shows_the_frames_in_reading_order() {
    let frames = [plain(3, 2, RED), plain(3, 2, BLUE), plain(1, 2, RED)];
    let sheet = pixels(&contact_sheet(&frames, Some(2)).unwrap());
    assert_eq!((sheet[0].len(), sheet.len()), (3 * 2 + 4 * 3, 2 * 2 + 4 * 3));
    assert_eq!((sheet[4][4], sheet[4][11], sheet[5][13]), (RED, BLUE, BLUE));
    // The narrow one lies in the middle of its cell, and the last cell is empty.
    assert_eq!((sheet[10][4], sheet[10][5], sheet[10][6]), (sheet[0][0], RED, sheet[0][0]));
    assert_eq!(sheet[10][12], sheet[0][0]);
}

#[test]
fn a_sheet_of_twenty_four_has_no_empty_place() {
    let sheet = pixels(&contact_sheet(&vec![plain(16, 12, RED); 24], None).unwrap());
    assert_eq!((sheet[0].len(), sheet.len()), (6 * 20 + 4, 4 * 16 + 4));
}

#[test]
fn an_animation_plays_every_frame() {
    let file = animation(&[plain(4, 4, RED), plain(2, 2, BLUE), plain(4, 4, BLUE)], 80).unwrap();
    let mut reader = png::Decoder::new(Cursor::new(&file)).read_info().unwrap();
    let control = *reader.info().animation_control().unwrap();
    assert_eq!((control.num_frames, control.num_plays), (3, 0));
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    let mut corners = Vec::new();
    for _ in 0..3 {
        reader.next_frame(&mut rgb).unwrap();
        let delay = reader.info().frame_control().unwrap();
        assert_eq!((delay.delay_num, delay.delay_den), (80, 1000));
        corners.push(([rgb[0], rgb[1], rgb[2]], [rgb[15], rgb[16], rgb[17]]));
    }
    assert_eq!((corners[0], corners[2]), ((RED, RED), (BLUE, BLUE)));
    assert!(corners[1].0 != BLUE && corners[1].1 == BLUE, "a smaller frame lies in the middle");
}

#[test]
fn a_preview_has_half_a_line_for_each_row() {
    let mut samples = RED.repeat(8);
    samples.extend(BLUE.repeat(8));
    let file = png_of(4, 4, png::ColorType::Rgb, png::BitDepth::Eight, &samples);
    let text = preview(&Frame::from_png(&file).unwrap(), 2);
    assert_eq!(text, format!("{}\u{1b}[0m\n", "\u{1b}[38;2;200;0;0;48;2;0;0;200m\u{2580}".repeat(2)));
}

#[test]
fn nothing_to_show_is_an_error() {
    assert!(matches!(contact_sheet(&[], None), Err(GalleryError::Empty)));
    assert!(matches!(animation(&[], 40), Err(GalleryError::Empty)));
    assert!(matches!(Frame::from_png(b"not a picture"), Err(GalleryError::Decoding(_))));
}

#[test]
fn a_picture_that_claims_to_be_vast_is_refused() {
    let mut file = png_of(1, 1, png::ColorType::Rgb, png::BitDepth::Eight, &RED);
    // Width and height of the header, which has a checksum to be made right again.
    file[16..24].copy_from_slice(&[0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00]);
    let checksum = checksum(&file[12..29]).to_be_bytes();
    file[29..33].copy_from_slice(&checksum);
    let refused = Frame::from_png(&file);
    assert!(matches!(refused, Err(GalleryError::TooLarge { .. })), "{refused:?}");
    assert!(matches!(contact_sheet(&vec![plain(3000, 3000, RED); 9], Some(9)), Err(GalleryError::TooLarge { .. })));
}

fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

proptest! {
    #[test]
    fn a_broken_file_is_an_error_and_not_a_panic(at in 0_usize..200, to in any::<u8>(), cut in 0_usize..200) {
        let mut file = png_of(4, 4, png::ColorType::Rgb, png::BitDepth::Eight, &[7; 48]);
        let (at, length) = (at % file.len(), file.len());
        file[at] = to;
        let _ = Frame::from_png(&file);
        let _ = Frame::from_png(&file[..cut % length]);
    }

    #[test]
    fn a_preview_is_as_wide_as_asked(width in 1_u32..40, height in 1_u32..40, columns in 0_usize..60) {
        let text = preview(&plain(width, height, RED), columns);
        let blocks = text.lines().next().unwrap().matches('\u{2580}').count();
        assert_eq!(blocks, columns.clamp(1, width as usize));
    }
}

#[test]
fn a_growing_sheet_has_its_shape_from_the_first_picture_on_and_fills_as_they_come() {
    let mut sheet = gallery::Sheet::new(6);
    assert!(sheet.frame().is_err());
    sheet.put(4, &plain(640, 480, [200, 0, 0]), false);
    let first = sheet.frame().unwrap();
    sheet.put(0, &plain(64, 48, [0, 200, 0]), true);
    sheet.put(99, &plain(64, 48, [0, 0, 200]), false);
    let second = sheet.frame().unwrap();
    assert_eq!((first.width(), first.height()), (second.width(), second.height()));
    assert_ne!(first, second);
    let again = Frame::from_png(&gallery::to_png(&second).unwrap()).unwrap();
    assert_eq!(again, second);
}

#[test]
fn a_picture_that_is_made_to_fit_keeps_its_shape() {
    let wide = plain(640, 480, [10, 20, 30]);
    for (most, made) in [((100, 100), (100, 75)), ((1_000, 60), (80, 60)), ((640, 480), (640, 480)), ((1, 1), (1, 1))] {
        let small = wide.fit(most.0, most.1);
        assert_eq!((small.width(), small.height()), made);
    }
}
