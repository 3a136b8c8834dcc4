//! Draws what devices cost: reads lines of `iotx-swarm --json` from standard input, writes an SVG file.
//!
//! ```console
//! $ scripts/scale.sh target/release/iotx-swarm runs.json
//! $ cargo run -p iotx-cloud --example plot_scale -- docs/scale.svg < runs.json
//! ```

use plotters::prelude::*;
use serde_json::Value;
use std::error::Error;
use std::io::BufRead;

const SIZE: (u32, u32) = (1000, 700);

/// One run: devices, MiB, processor seconds to set them up.
struct Run {
    dtls: bool,
    devices: f64,
    mib: f64,
    seconds: f64,
}

fn read(line: &str) -> Result<Run, Box<dyn Error>> {
    let run: Value = serde_json::from_str(line)?;
    let number = |value: &Value| value.as_f64().ok_or("not a run of iotx-swarm --json");
    let devices = number(&run["devices"])?;
    Ok(Run {
        dtls: run["transport"] == "dtls",
        devices,
        mib: devices * number(&run["kibPerDevice"])? / 1024.0,
        seconds: devices * number(&run["setup"]["processorMsPerDevice"])? / 1000.0,
    })
}

/// What a panel shows of a run.
type Quantity = (&'static str, fn(&Run) -> f64);

/// The line through the origin with the least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let xy: f64 = points.iter().map(|(x, y)| x * y).sum();
    let xx: f64 = points.iter().map(|(x, _)| x * x).sum();
    if xx > 0.0 { xy / xx } else { 0.0 }
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("usage: plot_scale FILE.svg < RUNS.json")?;
    let lines = std::io::stdin().lock().lines();
    let runs: Vec<Run> = lines.map(|line| read(&line?)).collect::<Result<_, _>>()?;
    let root = SVGBackend::new(&path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let panels = root.split_evenly((2, 2));
    let whats: [Quantity; 2] = [
        ("memory, MiB", |run| run.mib),
        ("processor time to set up, s", |run| run.seconds),
    ];
    for (panel, (what, dtls)) in panels
        .iter()
        .zip(whats.iter().flat_map(|what| [(what, false), (what, true)]))
    {
        let (name, of) = what;
        let mine = runs.iter().filter(|run| run.dtls == dtls);
        let points: Vec<(f64, f64)> = mine.map(|run| (run.devices, of(run))).collect();
        let most = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold(0.0, f64::max) * 1.08;
        let (right, top) = (most(|it| it.0).max(1.0), most(|it| it.1).max(0.001));
        let mode = if dtls { "DTLS" } else { "plain" };
        let mut chart = ChartBuilder::on(panel)
            .caption(format!("{mode}: {name}"), ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(38)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..right, 0.0..top)?;
        chart
            .configure_mesh()
            .x_desc("devices")
            .x_labels(6)
            .y_labels(6)
            .x_label_formatter(&|x| format!("{x:.0}"))
            .light_line_style(TRANSPARENT)
            .draw()?;
        let slope = slope(&points);
        let line = [(0.0, 0.0), (right, right * slope)];
        chart.draw_series(LineSeries::new(line, &BLUE.mix(0.5)))?;
        let dots = points
            .iter()
            .map(|point| Circle::new(*point, 4, RED.filled()));
        chart.draw_series(dots)?;
    }
    root.present()?;
    Ok(())
}
