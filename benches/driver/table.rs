//! Tables in Markdown, and what is in their cells.

use serde::Serialize;

/// A figure over all rounds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Figure {
    /// The middle one, the lower of two.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Figure {
    /// The figure of these values. `None` if there are none.
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let median = *values.get(values.len().checked_sub(1)? / 2)?;
        Some(Self { median, min: values[0], max: values[values.len() - 1] })
    }

    /// The median, and the smallest and the largest behind it.
    pub(crate) fn with_spread(&self, digits: usize) -> String {
        let Self { median, min, max } = self;
        format!("{median:.digits$} ({min:.digits$}–{max:.digits$})")
    }
}

/// A table of these lines. The first one is its heading.
pub(crate) fn markdown(mut lines: Vec<Vec<String>>) -> String {
    let width = |n: usize| lines.iter().map(|line| line[n].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    lines.insert(1, widths.iter().map(|width| format!("{}:", "-".repeat(width - 1))).collect());
    let pad = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:>width$}"));
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    lines.iter().map(pad).collect()
}
