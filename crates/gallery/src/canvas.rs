//! A larger picture that frames are laid on.

use crate::{Frame, GalleryError, MOST_PIXELS};

pub(crate) struct Canvas(Frame);

impl Canvas {
    pub(crate) fn new(width: usize, height: usize, background: [u8; 3]) -> Result<Self, GalleryError> {
        let pixels = width.saturating_mul(height);
        if pixels > MOST_PIXELS {
            return Err(GalleryError::TooLarge { pixels });
        }
        Ok(Self(Frame { width, height, rgb: background.repeat(pixels) }))
    }

    /// Lays a frame down with its upper left corner at a point; it must fit.
    pub(crate) fn place(&mut self, frame: &Frame, x: usize, y: usize) {
        let row_bytes = frame.width * 3;
        for (row, pixels) in frame.rgb.chunks_exact(row_bytes).enumerate() {
            let start = ((y + row) * self.0.width + x) * 3;
            self.0.rgb[start..start + row_bytes].copy_from_slice(pixels);
        }
    }

    /// The picture as it is now.
    pub(crate) fn into_frame(self) -> Frame {
        self.0
    }

    pub(crate) fn width(&self) -> usize {
        self.0.width
    }

    pub(crate) fn height(&self) -> usize {
        self.0.height
    }

    pub(crate) fn rgb(&self) -> &[u8] {
        &self.0.rgb
    }
}
