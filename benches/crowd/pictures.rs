//! Charts of the table: how long updates wait, and what an update costs in rooms of different sizes.

use crate::report::Row;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::fmt::Display;
use std::fs;
use std::path::Path;

/// Pixels of a picture.
const SIZE: (u32, u32) = (760, 400);

/// The two colours of a picture.
const STRONG: RGBColor = RGBColor(0x1f, 0x5f, 0xa8);
const PALE: RGBColor = RGBColor(0x9d, 0xc3, 0xe6);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Writes the pictures for which there are rows.
pub(crate) fn draw(rows: &[Row], directory: &Path) -> Result<(), String> {
    fs::create_dir_all(directory).map_err(|error| error.to_string())?;
    let waits: Vec<(&str, f64, f64)> = rows.iter().filter_map(wait).collect();
    if !waits.is_empty() {
        let file = directory.join("latency.svg");
        draw_waits(&SVGBackend::new(&file, SIZE).into_drawing_area(), &waits).map_err(explain)?;
    }
    let costs: Vec<(f64, f64)> = rows.iter().filter_map(cost).collect();
    if !costs.is_empty() {
        let file = directory.join("cost-by-size.svg");
        draw_costs(&SVGBackend::new(&file, SIZE).into_drawing_area(), &costs).map_err(explain)?;
    }
    Ok(())
}

fn explain(error: impl Display) -> String {
    format!("A picture cannot be drawn: {error}.")
}

fn wait(row: &Row) -> Option<(&str, f64, f64)> {
    let is_shown = !row.scenario.is_size();
    let (p50, p99) = (row.figure("p50 ms")?, row.figure("p99 ms")?);
    is_shown.then_some((&row.scenario.name, p50.median, p99.median))
}

fn cost(row: &Row) -> Option<(f64, f64)> {
    let cost = row.figure("CPU µs/conveyed")?;
    row.scenario.is_size().then_some((row.scenario.clients as f64, cost.median))
}

/// A bar for each scenario: pale to the median, strong to the 99th percentile.
fn draw_waits(
    area: &Area<'_>,
    waits: &[(&str, f64, f64)],
) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
    area.fill(&WHITE)?;
    let longest = waits.iter().map(|wait| wait.2).fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption("How long an update waits: median and 99th percentile, ms", ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..waits.len() as f64, (0.1..longest * 1.5).log_scale())?;
    let name = |x: &f64| {
        let at_centre = (x.fract() - 0.5).abs() < 0.01;
        waits.get(*x as usize).filter(|_| at_centre).map_or(String::new(), |wait| wait.0.to_owned())
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(2 * waits.len() + 1)
        .x_label_formatter(&name)
        .label_style(("sans-serif", 14))
        .draw()?;
    let bars = waits.iter().enumerate().flat_map(|(n, &(_, p50, p99))| {
        let (left, right) = (n as f64 + 0.2, n as f64 + 0.8);
        let bar = |from, to, colour: RGBColor| Rectangle::new([(left, from), (right, to)], colour.filled());
        [bar(0.1, p50, PALE), bar(p50, p99, STRONG)]
    });
    chart.draw_series(bars)?;
    let label = |(n, wait): (usize, &(&str, f64, f64))| {
        above((n as f64 + 0.5, wait.2 * 1.04), format!("{:.1}", wait.2))
    };
    chart.draw_series(waits.iter().enumerate().map(label))?;
    area.present()
}

/// A word above a point.
fn above(point: (f64, f64), word: String) -> Text<'static, (f64, f64), String> {
    let style = ("sans-serif", 14).into_font().color(&BLACK);
    Text::new(word, point, style.pos(Pos::new(HPos::Center, VPos::Bottom)))
}

/// A line over the sizes, and the band of 20 % around its middle.
fn draw_costs(area: &Area<'_>, costs: &[(f64, f64)]) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
    area.fill(&WHITE)?;
    let (least, most) = costs
        .iter()
        .fold((f64::INFINITY, 0.0_f64), |(least, most), &(_, cost)| (least.min(cost), most.max(cost)));
    let middle = (least + most) / 2.0;
    let sizes = (costs[0].0 * 0.8)..(costs[costs.len() - 1].0 * 1.25);
    let mut chart = ChartBuilder::on(area)
        .caption(
            "What it costs to convey one update to one reader, µs of CPU, by readers",
            ("sans-serif", 18),
        )
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(48)
        .build_cartesian_2d(sizes.clone().log_scale(), 0.0..most * 1.4)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_label_formatter(&|size| format!("{size:.0}"))
        .label_style(("sans-serif", 14))
        .draw()?;
    let band = [(sizes.start, middle * 0.8), (sizes.end, middle * 1.2)];
    chart.draw_series([Rectangle::new(band, PALE.mix(0.3).filled())])?;
    chart.draw_series(LineSeries::new(costs.iter().copied(), STRONG.stroke_width(2)))?;
    chart.draw_series(costs.iter().map(|&point| Circle::new(point, 4, STRONG.filled())))?;
    let label = |&(size, cost): &(f64, f64)| above((size, cost * 1.03), format!("{cost:.2}"));
    chart.draw_series(costs.iter().map(label))?;
    area.present()
}
