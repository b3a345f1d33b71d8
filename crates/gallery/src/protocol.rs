//! Pictures in a terminal: the graphics protocols, where one is spoken, else half blocks.

use crate::{Frame, GalleryError, preview, to_png};
use std::fmt::Write as _;

/// Longest piece of a picture in one of kitty's commands, characters.
const KITTY_PIECE: usize = 4096;
/// How many pixels a line of text is high, about, where a picture must be cut to lines.
const LINE_PIXELS: usize = 20;
/// Steps of each colour in a sixel picture.
const STEPS: u16 = 6;

/// How a terminal takes pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Kitty's: also Ghostty, `WezTerm`, Konsole.
    Kitty,
    /// iTerm2's.
    Iterm,
    /// Sixels: xterm with `-ti vt340`, foot, mlterm.
    Sixel,
    /// Coloured half blocks, which any terminal of 24-bit colour shows.
    HalfBlocks,
}

impl Protocol {
    /// What a terminal speaks, by what its environment says.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let says = |name: &str, words: &[&str]| {
            variable(name).is_some_and(|value| words.iter().any(|word| value.to_ascii_lowercase().contains(word)))
        };
        // Inside a multiplexer commands do not reach the terminal as they are.
        if variable("TMUX").is_some() || says("TERM", &["screen", "tmux"]) {
            return Self::HalfBlocks;
        }
        if variable("KITTY_WINDOW_ID").is_some()
            || says("TERM", &["kitty", "ghostty"])
            || says("TERM_PROGRAM", &["ghostty", "wezterm"])
        {
            return Self::Kitty;
        }
        if says("TERM_PROGRAM", &["iterm"]) || says("LC_TERMINAL", &["iterm"]) {
            return Self::Iterm;
        }
        if says("TERM", &["sixel", "foot", "mlterm", "vt340"]) {
            return Self::Sixel;
        }
        Self::HalfBlocks
    }

    /// The picture as what to write to the terminal, and how many lines it takes: at most so many lines and columns. The cursor
    /// ends at the beginning of the line after it.
    ///
    /// # Errors
    /// [`GalleryError::Encoding`].
    pub fn show(self, picture: &Frame, columns: usize, lines: usize) -> Result<(String, usize), GalleryError> {
        let small = picture.fit(columns.max(1), (lines * 2).max(2));
        let lines = small.height().max(2).div_ceil(2);
        let after = format!("\r\x1b[{lines}B");
        let text = match self {
            Self::HalfBlocks => preview(&small, small.width()),
            Self::Kitty => kitty(&to_png(picture)?, lines) + &after,
            Self::Iterm => {
                let file = base64(&to_png(picture)?);
                // The cursor's place is kept by hand: terminals differ in where they leave it.
                format!("\x1b7\x1b]1337;File=inline=1;height={lines};preserveAspectRatio=1:{file}\x07\x1b8{after}")
            }
            Self::Sixel => {
                let fitting = picture.fit(columns * LINE_PIXELS / 2, lines * LINE_PIXELS);
                format!("\x1b7{}\x1b8{after}", sixel(&fitting))
            }
        };
        let lines = if self == Self::HalfBlocks { text.lines().count() } else { lines };
        Ok((text, lines))
    }
}

/// One picture of one name, so that a later one takes its place; the cursor stays.
fn kitty(png: &[u8], lines: usize) -> String {
    let file = base64(png);
    let mut text = String::new();
    let mut rest = file.as_str();
    let mut options = format!("a=T,f=100,i=7370,p=1,q=2,C=1,r={lines},");
    while !rest.is_empty() {
        let (piece, further) = rest.split_at(rest.len().min(KITTY_PIECE));
        let more = u8::from(!further.is_empty());
        write!(text, "\x1b_G{options}m={more};{piece}\x1b\\").expect("a string takes all");
        options.clear();
        rest = further;
    }
    text
}

/// Six colours each of red, green and blue; six rows of pixels at a time, a pass for each colour that they have.
fn sixel(picture: &Frame) -> String {
    let mut text = String::from("\x1bPq");
    for colour in 0..STEPS * STEPS * STEPS {
        let [r, g, b] =
            [colour / (STEPS * STEPS), colour / STEPS % STEPS, colour % STEPS].map(|step| step * 100 / (STEPS - 1));
        write!(text, "#{colour};2;{r};{g};{b}").expect("a string takes all");
    }
    let nearest = |[r, g, b]: [u8; 3]| {
        let step = |part: u8| (u16::from(part) * (STEPS - 1) + 127) / 255;
        (step(r) * STEPS + step(g)) * STEPS + step(b)
    };
    for top in (0..picture.height()).step_by(6) {
        let rows = top..(top + 6).min(picture.height());
        let mut passes: std::collections::BTreeMap<u16, Vec<u8>> = std::collections::BTreeMap::new();
        for x in 0..picture.width() {
            for (bit, y) in rows.clone().enumerate() {
                let pass = passes.entry(nearest(picture.pixel(x, y))).or_insert_with(|| vec![0; picture.width()]);
                pass[x] |= 1 << bit;
            }
        }
        for (colour, pass) in passes {
            write!(text, "#{colour}").expect("a string takes all");
            text.extend(pass.into_iter().map(|bits| char::from(bits + 63)));
            text.push('$');
        }
        text.push('-');
    }
    text.push_str("\x1b\\");
    text
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_as_the_standard_writes_it() {
        for (plain, written) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), written);
        }
    }

    #[test]
    fn a_terminal_is_known_by_what_its_environment_says() {
        let with = |pairs: &[(&str, &str)]| {
            let pairs: Vec<(String, String)> = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            Protocol::detect(|name| pairs.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone()))
        };
        assert_eq!(with(&[("TERM", "xterm-kitty")]), Protocol::Kitty);
        assert_eq!(with(&[("TERM_PROGRAM", "iTerm.app")]), Protocol::Iterm);
        assert_eq!(with(&[("TERM", "foot")]), Protocol::Sixel);
        assert_eq!(with(&[("TERM", "xterm-256color")]), Protocol::HalfBlocks);
        assert_eq!(with(&[("TERM", "xterm-kitty"), ("TMUX", "/tmp/x")]), Protocol::HalfBlocks);
    }

    #[test]
    fn a_sixel_picture_names_its_colours_and_has_a_line_for_six_rows() {
        let white = Frame::plain(3, 7, [255; 3]);
        let text = sixel(&white);
        // All six rows of three pixels are of the last colour, then one row.
        assert!(text.contains("#215;2;100;100;100") && text.ends_with("#215~~~$-#215@@@$-\x1b\\"), "{text:?}");
    }

    #[test]
    fn a_kitty_picture_comes_in_pieces_of_which_the_last_says_so() {
        let text = kitty(&[0; 4000], 5);
        let pieces: Vec<&str> = text.split("\x1b\\").filter(|piece| !piece.is_empty()).collect();
        assert_eq!(pieces.len(), 2);
        assert!(pieces[0].starts_with("\x1b_Ga=T,f=100,") && pieces[0].contains("m=1;"));
        assert!(pieces[1].starts_with("\x1b_Gm=0;"));
    }

    #[test]
    fn half_blocks_keep_to_the_lines_and_columns_they_are_given() {
        let wide = Frame::plain(400, 100, [9; 3]);
        let (text, lines) = Protocol::HalfBlocks.show(&wide, 80, 6).unwrap();
        assert_eq!((text.lines().count(), lines), (6, 6));
    }
}
