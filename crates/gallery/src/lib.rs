//! What a folder of frames is shown as: a contact sheet, an animation, a few lines in a terminal.
//!
//! Bytes in, bytes out: no files, no clock. Frames may come from strangers: a picture that claims more pixels than
//! [`MOST_PIXELS`] is refused before memory is taken for it.

use std::io::Cursor;

mod canvas;
mod protocol;
mod sheet;
mod terminal;

use canvas::Canvas;
pub use protocol::Protocol;
pub use sheet::Sheet;
pub use terminal::preview;

/// Pixels that a single frame may have, and all frames of a sheet or animation together.
pub const MOST_PIXELS: usize = 64 << 20;

/// Space around and between the pictures of a contact sheet, in pixels.
const GAP: usize = 4;
const BACKGROUND: [u8; 3] = [17, 18, 21];

/// One decoded picture, 8 bits of red, green and blue for each pixel, row by row from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

/// Why frames cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum GalleryError {
    /// The bytes are not a picture that can be decoded.
    #[error("not a readable PNG")]
    Decoding(#[from] png::DecodingError),
    /// More pixels than are worth showing.
    #[error("{pixels} pixels are more than the {MOST_PIXELS} that are shown at once")]
    TooLarge {
        /// How many there would be.
        pixels: usize,
    },
    /// There is no frame.
    #[error("no frames to show")]
    Empty,
    /// The result could not be encoded.
    #[error("the picture cannot be encoded")]
    Encoding(#[from] png::EncodingError),
}

impl Frame {
    /// Decodes a PNG of any colour type; transparency is laid over black, 16 bits are cut to 8.
    ///
    /// # Errors
    /// [`GalleryError::Decoding`], or [`GalleryError::TooLarge`] beyond [`MOST_PIXELS`].
    pub fn from_png(bytes: &[u8]) -> Result<Self, GalleryError> {
        let mut decoder = png::Decoder::new(Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
        let mut reader = decoder.read_info()?;
        let (width, height) = (reader.info().width as usize, reader.info().height as usize);
        let pixels = width.saturating_mul(height);
        let length = reader.output_buffer_size().filter(|_| pixels <= MOST_PIXELS);
        let mut samples = vec![0; length.ok_or(GalleryError::TooLarge { pixels })?];
        let info = reader.next_frame(&mut samples)?;
        samples.truncate(info.buffer_size());
        let channels = info.color_type.samples();
        let rgb = samples.chunks_exact(channels).flat_map(|pixel| match *pixel {
            [grey] => [grey; 3],
            [grey, alpha] => [over_black(grey, alpha); 3],
            [red, green, blue, alpha] => [red, green, blue].map(|colour| over_black(colour, alpha)),
            _ => [pixel[0], pixel[1], pixel[2]],
        });
        Ok(Self { width, height, rgb: rgb.collect() })
    }

    /// Pixels across.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pixels down.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// A frame of one colour.
    fn plain(width: usize, height: usize, colour: [u8; 3]) -> Self {
        Self { width, height, rgb: colour.repeat(width * height) }
    }

    /// The frame made smaller, its shape kept, so that it is at most so wide and high; each pixel is the mean of those it stands
    /// for. One that fits stays as it is.
    #[must_use]
    pub fn fit(&self, width: usize, height: usize) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        if self.width <= width && self.height <= height {
            return self.clone();
        }
        let (across, down) = if self.width * height > self.height * width {
            (width, (self.height * width / self.width).max(1))
        } else {
            ((self.width * height / self.height).max(1), height)
        };
        let mut rgb = Vec::with_capacity(across * down * 3);
        for row in 0..down {
            for column in 0..across {
                rgb.extend(terminal::mean(self, (column, across), (row, down)));
            }
        }
        Self { width: across, height: down, rgb }
    }

    /// Red, green and blue of a pixel inside the frame.
    fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let start = (y * self.width + x) * 3;
        [self.rgb[start], self.rgb[start + 1], self.rgb[start + 2]]
    }
}

fn over_black(colour: u8, alpha: u8) -> u8 {
    let product = u16::from(colour) * u16::from(alpha);
    u8::try_from((product + 127) / 255).expect("255 times 255 over 255 is 255")
}

/// A frame as a PNG.
///
/// # Errors
/// [`GalleryError::Encoding`].
pub fn to_png(frame: &Frame) -> Result<Vec<u8>, GalleryError> {
    let mut file = Vec::new();
    let mut writer = encoder(&mut file, frame.width, frame.height)?.write_header()?;
    writer.write_image_data(&frame.rgb)?;
    writer.finish()?;
    Ok(file)
}

/// All frames side by side, in reading order, as a PNG. Smaller frames lie in the middle of their cells.
///
/// `columns` is how many lie in a row; without it, as many as make the sheet a little wider than tall.
///
/// # Errors
/// [`GalleryError::Empty`] without frames, [`GalleryError::TooLarge`] when the sheet would pass [`MOST_PIXELS`].
pub fn contact_sheet(frames: &[Frame], columns: Option<usize>) -> Result<Vec<u8>, GalleryError> {
    let (width, height) = cell(frames)?;
    let columns = columns.unwrap_or_else(|| pleasing(frames.len(), width, height));
    let columns = columns.clamp(1, frames.len());
    let rows = frames.len().div_ceil(columns);
    let full = |count: usize, length: usize| count.saturating_mul(length + GAP).saturating_add(GAP);
    let mut sheet = Canvas::new(full(columns, width), full(rows, height), BACKGROUND)?;
    for (number, frame) in frames.iter().enumerate() {
        let (column, row) = (number % columns, number / columns);
        let x = GAP + column * (width + GAP) + (width - frame.width) / 2;
        let y = GAP + row * (height + GAP) + (height - frame.height) / 2;
        sheet.place(frame, x, y);
    }
    let mut file = Vec::new();
    let mut writer = encoder(&mut file, sheet.width(), sheet.height())?.write_header()?;
    writer.write_image_data(sheet.rgb())?;
    writer.finish()?;
    Ok(file)
}

/// All frames one after the other for ever, each shown for `delay_ms`, as an animated PNG: every browser plays it, and what
/// cannot shows the first frame. Smaller frames lie in the middle.
///
/// # Errors
/// [`GalleryError::Empty`] without frames, [`GalleryError::TooLarge`] when all together pass [`MOST_PIXELS`].
pub fn animation(frames: &[Frame], delay_ms: u16) -> Result<Vec<u8>, GalleryError> {
    let (width, height) = cell(frames)?;
    let pixels = width.saturating_mul(height).saturating_mul(frames.len());
    let count = u32::try_from(frames.len()).ok().filter(|_| pixels <= MOST_PIXELS);
    let count = count.ok_or(GalleryError::TooLarge { pixels })?;
    let mut file = Vec::new();
    let mut encoder = encoder(&mut file, width, height)?;
    encoder.set_animated(count, 0)?;
    encoder.set_frame_delay(delay_ms, 1000)?;
    let mut writer = encoder.write_header()?;
    for frame in frames {
        let mut canvas = Canvas::new(width, height, BACKGROUND)?;
        canvas.place(frame, (width - frame.width) / 2, (height - frame.height) / 2);
        writer.write_image_data(canvas.rgb())?;
    }
    writer.finish()?;
    Ok(file)
}

fn encoder(
    file: &mut Vec<u8>,
    width: usize,
    height: usize,
) -> Result<png::Encoder<'static, &mut Vec<u8>>, GalleryError> {
    let too_large = |_| GalleryError::TooLarge { pixels: width.saturating_mul(height) };
    let width = u32::try_from(width).map_err(too_large)?;
    let height = u32::try_from(height).map_err(too_large)?;
    let mut encoder = png::Encoder::new(file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    Ok(encoder)
}

/// The size that holds each of the frames.
fn cell(frames: &[Frame]) -> Result<(usize, usize), GalleryError> {
    let width = frames.iter().map(Frame::width).max().ok_or(GalleryError::Empty)?;
    Ok((width, frames.iter().map(Frame::height).max().unwrap_or(1)))
}

/// The number of columns that brings the sheet nearest to 16:10 with the fewest empty places.
fn pleasing(count: usize, width: usize, height: usize) -> usize {
    let shape = |columns: usize| {
        let rows = count.div_ceil(columns);
        let (across, down) = (columns * width * 10, rows * height * 16);
        // Hundredths of how far it is from the shape, and of the places left empty.
        let off = across.max(down) * 100 / across.min(down).max(1);
        off + (rows * columns - count) * 200 / count
    };
    (1..=count.min(64)).min_by_key(|&columns| shape(columns)).unwrap_or(1)
}
