//! Tables of figures in Markdown: templates, filled.
//!
//! A template stands between `<!-- figures: NAME -->` and `<!-- /figures -->`; in it `{figure}` is a figure by its name in a
//! flat JSON object of numbers, or a dash where it was not measured. Filling a document replaces what it has between the same
//! marks. Invariants: what stands outside the marks stays as it is; filling twice is filling once.
//!
//! After a figure's name may stand how it is shown: `{share %}` in percent, with its sign; `{share ppm}` in millionths; `{ratio .3}` with three
//! decimals. Else it has as many decimals as tell something.

const OPEN: &str = "<!-- figures: ";
const OPENED: &str = " -->\n";
const CLOSE: &str = "<!-- /figures -->";

/// The templates, each between its marks, with every figure filled in.
#[must_use]
pub fn all(templates: &str, value: impl Fn(&str) -> Option<f64>) -> String {
    fill(templates, &value)
}

/// `document` with each of its tables filled anew; what has no template stays as it is.
#[must_use]
pub fn refresh(document: &str, templates: &str, value: impl Fn(&str) -> Option<f64>) -> String {
    replace(document, |name, before| {
        let template = find(templates, name);
        template.map_or_else(|| before.to_owned(), |template| fill(template, &value))
    })
}

/// Whether `document` has tables to fill.
#[must_use]
pub fn has_tables(document: &str) -> bool {
    document.contains(OPEN)
}

fn find<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mark = format!("{OPEN}{name}{OPENED}");
    let from = text.find(&mark)? + mark.len();
    let body = text.get(from..)?;
    body.get(..body.find(CLOSE)?)
}

fn replace(document: &str, body: impl Fn(&str, &str) -> String) -> String {
    let mut out = String::with_capacity(document.len());
    let mut rest = document;
    while let Some((before, marked)) = rest.split_once(OPEN) {
        let parts = marked
            .split_once(OPENED)
            .and_then(|(name, body)| Some((name, body.split_once(CLOSE)?)))
            .filter(|(name, _)| !name.contains('\n'));
        let Some((name, (old, after))) = parts else { break };
        out.push_str(&format!("{before}{OPEN}{name}{OPENED}{}{CLOSE}", body(name, old)));
        rest = after;
    }
    out + rest
}

fn fill(template: &str, value: &impl Fn(&str) -> Option<f64>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, opened)) = rest.split_once('{') {
        let Some((inside, after)) = opened.split_once('}') else { break };
        let (name, how) = inside.split_once(' ').unwrap_or((inside, ""));
        out.push_str(before);
        match value(name) {
            Some(value) => out.push_str(&in_words(value, how)),
            None => out.push('–'),
        }
        rest = after;
    }
    out + rest
}

/// A figure as its place wants it.
fn in_words(value: f64, how: &str) -> String {
    match how {
        "%" => format!("{} %", grouped(&telling(value * 100.0))),
        "ppm" => grouped(&telling(value * 1_000_000.0)),
        _ => match how.strip_prefix('.').and_then(|digits| digits.parse::<usize>().ok()) {
            Some(decimals) => grouped(&format!("{value:.decimals$}")),
            None => grouped(&shown(value)),
        },
    }
}

/// With as many decimals as tell something.
#[must_use]
pub fn shown(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

/// The same, and of what is less than one its first two digits that are not zero, up to six decimals.
fn telling(value: f64) -> String {
    let size = value.abs();
    if size >= 1.0 {
        return shown(value);
    }
    if size == 0.0 {
        return "0".to_owned();
    }
    let decimals = (1..=6).find(|decimals| size * 10_f64.powi(*decimals) >= 9.95).unwrap_or(6);
    let decimals = usize::try_from(decimals).unwrap_or(6);
    format!("{value:.decimals$}")
}

/// Thousands parted by commas.
fn grouped(number: &str) -> String {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |number| ("-", number));
    let (whole, part) = number.split_once('.').map_or((number, None), |(whole, part)| (whole, Some(part)));
    let mut out = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    part.map_or(out.clone(), |part| format!("{out}.{part}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATES: &str =
        "<!-- figures: costs -->\n| rate | share |\n|---|---|\n| {rate} | {share %} |\n<!-- /figures -->\n";

    fn figure(name: &str) -> Option<f64> {
        match name {
            "rate" => Some(1_959.0),
            "share" => Some(0.000_089),
            _ => None,
        }
    }

    #[test]
    fn a_document_keeps_its_words_and_gets_the_figures() {
        let before = "words\n<!-- figures: costs -->\nold\n<!-- /figures -->\nmore {words}\n";
        let after = refresh(before, TEMPLATES, figure);
        assert!(after.starts_with("words\n<!-- figures: costs -->\n|"));
        assert!(after.contains("1,959 | 0.0089 %") && !after.contains("old"), "{after}");
        assert!(after.ends_with("<!-- /figures -->\nmore {words}\n"));
        assert_eq!(refresh(&after, TEMPLATES, figure), after);
    }

    #[test]
    fn what_was_not_measured_is_a_dash() {
        assert!(all(TEMPLATES, figure).contains("1,959"));
        let none = all(TEMPLATES, |_| None);
        assert!(none.contains('–') && !none.contains('{'), "{none}");
    }

    #[test]
    fn a_table_without_a_template_stays() {
        let document = "<!-- figures: nobody's -->\nkept\n<!-- /figures -->";
        assert!(has_tables(document));
        assert_eq!(refresh(document, TEMPLATES, figure), document);
    }

    #[test]
    fn a_figure_is_shown_as_its_place_wants_it() {
        let shows = |value, how| in_words(value, how);
        assert_eq!(shows(1.0, ".3"), "1.000");
        assert_eq!(shows(0.0, "%"), "0 %");
        assert_eq!(shows(0.010_3, "%"), "1.03 %");
        assert_eq!(shows(0.000_000_96, "ppm"), "0.96");
        assert_eq!(shows(-0.000_2, "%"), "-0.020 %");
        assert_eq!(shows(1_234_567.8, ""), "1,234,568");
    }
}
