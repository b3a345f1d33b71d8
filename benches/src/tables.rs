//! Tables of figures in Markdown: the templates of `benches/tables.md`, filled.
//!
//! A template stands between `<!-- figures: NAME -->` and `<!-- /figures -->`; in it `{figure}` is a figure by its name in the
//! JSON object, or a dash where it was not measured. Filling a document replaces what it has between the same marks.

use crate::report::{Report, shown};

const TEMPLATES: &str = include_str!("../tables.md");
const OPEN: &str = "<!-- figures: ";
const OPENED: &str = " -->\n";
const CLOSE: &str = "<!-- /figures -->";

/// All tables.
pub(crate) fn all(report: &Report) -> String {
    fill(TEMPLATES, report)
}

/// `document` with each of its tables filled anew; what has no template stays as it is.
pub(crate) fn refresh(document: &str, report: &Report) -> String {
    replace(document, |name, before| {
        let template = find(TEMPLATES, name);
        template.map_or_else(|| before.to_owned(), |template| fill(template, report))
    })
}

/// Whether `document` has tables to fill.
pub(crate) fn has_tables(document: &str) -> bool {
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

fn fill(template: &str, report: &Report) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, opened)) = rest.split_once('{') {
        let Some((name, after)) = opened.split_once('}') else { break };
        out.push_str(before);
        match report.value(name) {
            Some(value) => out.push_str(&grouped(&shown(value))),
            None => out.push('–'),
        }
        rest = after;
    }
    out + rest
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
    use super::{all, refresh};
    use crate::report::Report;

    fn report() -> Report {
        let mut report = Report::default();
        report.figure("empty_tasks_per_s_ray", 1_959.0);
        report
    }

    #[test]
    fn a_document_keeps_its_words_and_gets_the_figures() {
        let before = "words\n<!-- figures: cost of a task -->\nold\n<!-- /figures -->\nmore {words}\n";
        let after = refresh(before, &report());
        assert!(after.starts_with("words\n<!-- figures: cost of a task -->\n|"));
        assert!(after.contains("1,959") && !after.contains("old"));
        assert!(after.ends_with("<!-- /figures -->\nmore {words}\n"));
        assert_eq!(refresh(&after, &report()), after);
    }

    #[test]
    fn what_was_not_measured_is_a_dash() {
        assert!(all(&report()).contains("1,959"));
        assert!(all(&Report::default()).contains('–'));
        assert!(!all(&Report::default()).contains('{'));
    }

    #[test]
    fn a_table_without_a_template_stays() {
        let document = "<!-- figures: nobody's -->\nkept\n<!-- /figures -->";
        assert_eq!(refresh(document, &report()), document);
    }
}
