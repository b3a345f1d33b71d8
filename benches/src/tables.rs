//! The tables of docs/performance.md: the templates of `benches/tables.md`, filled.

use crate::report::Report;

const TEMPLATES: &str = include_str!("../tables.md");

/// All tables.
pub(crate) fn all(report: &Report) -> String {
    ::tables::all(TEMPLATES, |name| report.value(name))
}

/// `document` with each of its tables filled anew.
pub(crate) fn refresh(document: &str, report: &Report) -> String {
    ::tables::refresh(document, TEMPLATES, |name| report.value(name))
}

#[cfg(test)]
mod tests {
    use super::{all, refresh};
    use crate::report::Report;

    #[test]
    fn the_page_of_performance_has_its_figures_by_name() {
        let mut report = Report::default();
        report.figure("empty_tasks_per_s_ray", 1_959.0);
        assert!(all(&report).contains("1,959") && !all(&report).contains('{'));
        let page = "<!-- figures: cost of a task -->\nold\n<!-- /figures -->\n";
        assert!(refresh(page, &report).contains("1,959"));
    }
}
