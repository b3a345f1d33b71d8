//! HTTP Live Streaming (RFC 8216): a list, a file that describes the tracks, and stretches of some seconds each.

use crate::Fault;
use crate::join::Joined;
use crate::mp4::{Fragment, Span, fragment, initial, scaled};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// The file that describes the tracks.
const INITIAL: &str = "init.mp4";

/// Writes a stream into a folder, each stretch `seconds` or a little longer. Its list is `name`.
///
/// # Errors
/// What cannot be read or written; pieces that a stream cannot hold.
pub fn write(joined: &mut Joined<'_>, folder: &Path, name: &str, seconds: u64) -> Result<(), Fault> {
    if joined.lines.iter().any(|line| line.descriptions.len() != 1) {
        return Err(Fault::Unsupported("pieces that decoders have to be set up for anew"));
    }
    // Not all players heed edits in streams: pictures are shown from the first moment on without.
    for line in joined.lines.iter_mut().take(1) {
        let from = i32::try_from(line.edit.from).map_err(|_| Fault::Damaged("a film begins long after itself"))?;
        line.samples.iter_mut().for_each(|placed| placed.sample.later = placed.sample.later.saturating_sub(from));
        line.edit.from = 0;
    }
    std::fs::write(folder.join(INITIAL), initial(&joined.lines))?;
    let stretches = stretches(joined, seconds);
    let longest = stretches.iter().map(|stretch| stretch.lasts_ms).max().unwrap_or(0).div_ceil(1000);
    let mut list = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{longest}\n#EXT-X-PLAYLIST-TYPE:VOD\n\
         #EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"{INITIAL}\"\n"
    );
    for (number, stretch) in (1_u32..).zip(stretches) {
        let file = format!("stretch-{number:05}.m4s");
        let mut to = BufWriter::new(File::create(folder.join(&file))?);
        let own = Fragment { number, spans: stretch.spans };
        fragment(&mut to, &joined.lines, &own, &mut joined.files)?;
        to.flush()?;
        let (whole, rest) = (stretch.lasts_ms / 1000, stretch.lasts_ms % 1000);
        let _written = write!(list, "#EXTINF:{whole}.{rest:03},\n{file}\n");
    }
    list.push_str("#EXT-X-ENDLIST\n");
    Ok(std::fs::write(folder.join(name), list)?)
}

struct Stretch {
    spans: Vec<Span>,
    lasts_ms: u64,
}

/// Cut where pictures begin anew; sound goes with the pictures beside which it is heard.
fn stretches(joined: &Joined<'_>, seconds: u64) -> Vec<Stretch> {
    let Some(pictures) = joined.lines.first() else { return Vec::new() };
    let at = |index: usize| {
        let ticks = pictures.samples.get(index).map_or(pictures.end, |placed| placed.sample.decoded);
        scaled(ticks, pictures.timescale, 1000)
    };
    let mut cuts = vec![0];
    for (index, placed) in pictures.samples.iter().enumerate() {
        let begun = cuts.last().copied().unwrap_or(0);
        if placed.sample.key && at(index).saturating_sub(at(begun)) >= seconds.saturating_mul(1000) {
            cuts.push(index);
        }
    }
    cuts.push(pictures.samples.len());
    let mut from = vec![0; joined.lines.len()];
    let mut stretches = Vec::new();
    for pair in cuts.windows(2) {
        let &[begin, end] = pair else { continue };
        let last = end == pictures.samples.len();
        let mut spans: Vec<Span> = Vec::with_capacity(joined.lines.len());
        spans.push(begin..end);
        for (line, from) in joined.lines.iter().zip(&mut from).skip(1) {
            let until = |index: usize| {
                let ticks = line.samples.get(index).map(|placed| scaled(placed.sample.decoded, line.timescale, 1000));
                ticks.is_some_and(|now| last || now < at(end))
            };
            let begin = *from;
            while until(*from) {
                *from += 1;
            }
            spans.push(begin..*from);
        }
        stretches.push(Stretch { spans, lasts_ms: at(end).saturating_sub(at(begin)) });
    }
    stretches
}
