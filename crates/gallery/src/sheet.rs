//! A contact sheet that grows: a cell for every picture that will be, filled as they come.

use crate::canvas::Canvas;
use crate::{Frame, GalleryError, pleasing};

/// How wide a sheet is, about, in pixels.
const WIDTH: usize = 1_600;
/// The widest and the narrowest that a cell is.
const CELL: (usize, usize) = (320, 24);
/// Space around and between cells, which also shows how sure a picture is.
const GAP: usize = 4;
const BACKGROUND: [u8; 3] = [17, 18, 21];
const EMPTY: [u8; 3] = [34, 36, 42];
const PROVISIONAL: [u8; 3] = [214, 158, 46];

/// A sheet of a fixed number of cells, all of the shape of the first picture that came.
#[derive(Clone, Debug)]
pub struct Sheet {
    cells: usize,
    grid: Option<Grid>,
}

#[derive(Clone, Debug)]
struct Grid {
    columns: usize,
    width: usize,
    height: usize,
    pictures: Vec<Option<(Frame, bool)>>,
}

impl Sheet {
    /// A sheet for so many pictures; none is there.
    #[must_use]
    pub fn new(cells: usize) -> Self {
        Self { cells, grid: None }
    }

    /// Puts a picture into its cell, with a bright edge while it is `provisional`. A cell that the sheet does not have is none of
    /// its business.
    pub fn put(&mut self, cell: usize, picture: &Frame, provisional: bool) {
        let cells = self.cells;
        let grid = self.grid.get_or_insert_with(|| Grid::new(cells, picture));
        if let Some(place) = grid.pictures.get_mut(cell) {
            *place = Some((picture.fit(grid.width, grid.height), provisional));
        }
    }

    /// The sheet as it stands.
    ///
    /// # Errors
    /// [`GalleryError::Empty`] before the first picture; [`GalleryError::TooLarge`].
    pub fn frame(&self) -> Result<Frame, GalleryError> {
        self.grid.as_ref().ok_or(GalleryError::Empty)?.frame()
    }
}

impl Grid {
    fn new(cells: usize, first: &Frame) -> Self {
        let columns = pleasing(cells.max(1), first.width, first.height);
        let width = (WIDTH / columns).clamp(CELL.1, CELL.0).min(first.width);
        let height = (first.height * width / first.width).max(1);
        Self { columns, width, height, pictures: vec![None; cells] }
    }

    fn frame(&self) -> Result<Frame, GalleryError> {
        let rows = self.pictures.len().div_ceil(self.columns);
        let full = |count: usize, length: usize| count.saturating_mul(length + GAP).saturating_add(GAP);
        let mut sheet = Canvas::new(full(self.columns, self.width), full(rows, self.height), BACKGROUND)?;
        let empty = Frame::plain(self.width, self.height, EMPTY);
        let edge = Frame::plain(self.width + GAP, self.height + GAP, PROVISIONAL);
        for (number, picture) in self.pictures.iter().enumerate() {
            let (x, y) = (full(number % self.columns, self.width), full(number / self.columns, self.height));
            match picture {
                None => sheet.place(&empty, x, y),
                Some((picture, provisional)) => {
                    if *provisional {
                        sheet.place(&edge, x - GAP / 2, y - GAP / 2);
                    }
                    sheet.place(picture, x + (self.width - picture.width) / 2, y + (self.height - picture.height) / 2);
                }
            }
        }
        Ok(sheet.into_frame())
    }
}
