//! Pictures of figures in SVG: lines over a logarithmic axis, and bars along time.
//!
//! Colours are readable on white and on black, and each line is named at its end, so that colour alone tells nothing.

use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 168.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 48.0;
const COLOURS: [&str; 6] = ["#1f77b4", "#d95f02", "#2ca02c", "#9467bd", "#8c564b", "#7f7f7f"];

/// A line: its name, and its points.
pub(crate) type Line<'a> = (&'a str, Vec<(f64, f64)>);

/// Lines over a logarithmic axis, from nothing to a round number above the greatest value.
#[derive(Debug)]
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    pub(crate) across: &'a str,
    pub(crate) lines: Vec<Line<'a>>,
    /// What `across` says at a power of ten.
    pub(crate) tick: fn(f64) -> String,
}

impl Chart<'_> {
    /// The picture.
    pub(crate) fn svg(&self) -> String {
        let height = 360.0;
        let points = || self.lines.iter().flat_map(|(_, points)| points.iter().copied());
        let least = points().map(|(x, _)| x).fold(f64::INFINITY, f64::min).max(f64::MIN_POSITIVE).log10().floor();
        let most = points().map(|(x, _)| x).fold(1.0, f64::max).log10().ceil().max(least + 1.0);
        let top = round_above(points().map(|(_, y)| y).fold(0.0, f64::max));
        let x = |value: f64| LEFT + (value.log10() - least) / (most - least) * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| height - BOTTOM - value / top * (height - TOP - BOTTOM);

        let mut svg = opened(height, self.title);
        for part in 0..=4 {
            let value = top * f64::from(part) / 4.0;
            let (at, from, to) = (y(value), LEFT, WIDTH - RIGHT);
            let _ = write!(svg, r#"<path class="g" d="M{from:.1} {at:.1}H{to:.1}"/>"#);
            let _ = write!(
                svg,
                r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
                from - 8.0,
                at + 4.0,
                round(value)
            );
        }
        let mut power = least;
        while power <= most {
            let at = x(10_f64.powf(power));
            let _ = write!(svg, r#"<path class="g" d="M{at:.1} {TOP:.1}V{:.1}"/>"#, height - BOTTOM);
            let label = (self.tick)(10_f64.powf(power));
            let _ = write!(
                svg,
                r#"<text x="{at:.1}" y="{:.1}" text-anchor="middle">{label}</text>"#,
                height - BOTTOM + 18.0
            );
            power += 1.0;
        }
        let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
        let _ = write!(
            svg,
            r#"<text x="{middle:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            height - 10.0,
            self.across
        );
        self.draw(&mut svg, x, y);
        svg + "</svg>\n"
    }

    fn draw(&self, svg: &mut String, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) {
        // Names at the lines' ends, moved apart where lines end together.
        let ends = self.lines.iter().map(|(_, points)| points.last().map_or(0.0, |(_, value)| y(*value)));
        let mut ends: Vec<(usize, f64)> = ends.enumerate().collect();
        ends.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut free = TOP;
        for (line, at) in &mut ends {
            *at = at.max(free);
            free = *at + 16.0;
            let _ = write!(
                svg,
                r#"<text x="{:.1}" y="{:.1}" fill="{}">{}</text>"#,
                WIDTH - RIGHT + 10.0,
                *at + 4.0,
                COLOURS[*line % COLOURS.len()],
                self.lines[*line].0
            );
        }
        for (number, (_, points)) in self.lines.iter().enumerate() {
            let colour = COLOURS[number % COLOURS.len()];
            let mut path = String::new();
            for (index, (across, up)) in points.iter().enumerate() {
                let letter = if index == 0 { 'M' } else { 'L' };
                let _ = write!(path, "{letter}{:.1} {:.1}", x(*across), y(*up));
                let _ = write!(svg, r#"<circle cx="{:.1}" cy="{:.1}" r="3" fill="{colour}"/>"#, x(*across), y(*up));
            }
            let _ = write!(svg, r#"<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>"#);
        }
    }
}

/// A span of time: its name, who spends it, from when to when in milliseconds.
pub(crate) type Bar = (String, String, f64, f64);

/// Spans of time below each other, from the first to the last.
pub(crate) fn waterfall(title: &str, bars: &[Bar]) -> String {
    let row = 22.0;
    let height = bars.iter().fold(TOP + BOTTOM, |height, _| height + row);
    let last = bars.iter().map(|(.., to)| *to).fold(0.001, f64::max);
    let (left, right) = (250.0, WIDTH - 70.0);
    let x = |at: f64| left + at / last * (right - left);
    let mut who: Vec<&str> = Vec::new();
    let mut svg = opened(height, title);
    let mut at = TOP;
    for (name, by, from, to) in bars {
        let number = who.iter().position(|known| known == by).unwrap_or_else(|| {
            who.push(by);
            who.len() - 1
        });
        let colour = COLOURS[number % COLOURS.len()];
        let wide = (x(*to) - x(*from)).max(1.5);
        let _ =
            write!(svg, r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{by}: {name}</text>"#, left - 8.0, at + 15.0);
        let _ = write!(
            svg,
            r#"<rect x="{:.1}" y="{:.1}" width="{wide:.1}" height="14" fill="{colour}"/>"#,
            x(*from),
            at + 4.0
        );
        let _ = write!(svg, r#"<text x="{:.1}" y="{:.1}">{:.2}</text>"#, x(*from) + wide + 5.0, at + 15.0, to - from);
        at += row;
    }
    for part in 0..=4 {
        let value = last * f64::from(part) / 4.0;
        let _ = write!(svg, r#"<path class="g" d="M{0:.1} {TOP:.1}V{1:.1}"/>"#, x(value), at);
        let _ =
            write!(svg, r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{value:.2} ms</text>"#, x(value), at + 18.0);
    }
    svg + "</svg>\n"
}

fn opened(height: f64, title: &str) -> String {
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" font-family="system-ui, sans-serif" font-size="12"><style>text:not([fill]){{fill:#777}}.g{{stroke:#999;stroke-opacity:.3}}</style><text x="{LEFT}" y="22" font-size="15">{title}</text>"##
    )
}

/// 1, 2 or 5 times a power of ten, not below `value`.
fn round_above(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * power >= value * 0.999).unwrap_or(10.0);
    step * power
}

/// Without decimals that say nothing.
fn round(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Chart, round_above, waterfall};

    #[test]
    fn every_line_and_point_is_in_the_picture() {
        let lines = vec![("ours", vec![(10.0, 0.1), (1e6, 0.99)]), ("theirs", vec![(10.0, 0.01)])];
        let chart = Chart { title: "t", across: "a", lines, tick: |value| format!("{value}") };
        let svg = chart.svg();
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.contains(">ours<") && svg.contains(">theirs<") && svg.ends_with("</svg>\n"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn bars_begin_where_their_time_does() {
        let bars = [("a".to_owned(), "x".to_owned(), 0.0, 1.0), ("b".to_owned(), "y".to_owned(), 1.0, 2.0)];
        let svg = waterfall("t", &bars);
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(svg.contains(r#"<rect x="250.0""#) && svg.contains(r#"<rect x="470.0""#));
    }

    #[test]
    fn the_axis_ends_at_a_round_number() {
        assert_eq!([0.0, 0.97, 1.0, 130.0, 501.0].map(round_above), [1.0, 1.0, 1.0, 200.0, 1000.0]);
    }
}
