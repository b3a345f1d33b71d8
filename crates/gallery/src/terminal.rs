//! A picture out of half blocks: each character cell is two pixels, one above the other.

use std::fmt::Write;

use crate::Frame;

/// The frame as lines of text for a terminal of 24-bit colour, `columns` characters wide (at most the frame's own width and
/// at least 1) and half as many lines tall as its shape asks for. Each pixel shown is the mean of those it stands for.
#[must_use]
pub fn preview(frame: &Frame, columns: usize) -> String {
    let columns = columns.clamp(1, frame.width());
    let rows = (columns * frame.height() / frame.width()).max(2).next_multiple_of(2).min(frame.height().max(2));
    let mut text = String::new();
    for row in (0..rows).step_by(2) {
        for column in 0..columns {
            let [r, g, b] = mean(frame, (column, columns), (row, rows));
            let [lower_r, lower_g, lower_b] = mean(frame, (column, columns), (row + 1, rows));
            write!(text, "\x1b[38;2;{r};{g};{b};48;2;{lower_r};{lower_g};{lower_b}m\u{2580}")
                .expect("a string takes all");
        }
        text.push_str("\x1b[0m\n");
    }
    text
}

/// Mean colour of the part of the frame that one of so many columns and rows covers.
pub(crate) fn mean(frame: &Frame, column: (usize, usize), row: (usize, usize)) -> [u8; 3] {
    let part = |(number, count): (usize, usize), length: usize| {
        let start = (number * length / count).min(length - 1);
        start..((number + 1) * length / count).clamp(start + 1, length)
    };
    let (across, down) = (part(column, frame.width()), part(row, frame.height()));
    let count = across.len() * down.len();
    let mut sums = [0; 3];
    for y in down {
        for x in across.clone() {
            for (sum, channel) in sums.iter_mut().zip(frame.pixel(x, y)) {
                *sum += usize::from(channel);
            }
        }
    }
    sums.map(|sum| u8::try_from(sum / count).expect("a mean of bytes is a byte"))
}
