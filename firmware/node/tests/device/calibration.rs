//! Two-point calibration over the bus: guarded, steady, plausible, and kept.

use crate::bench::{Bench, TornFlash, float, of_float};
use hazard_field::map::{coil, holding, input};

const LOCKED: u8 = 4;
const ILLEGAL_VALUE: u8 = 3;
const ZERO: u16 = 1;
const SPAN: u16 = 2;
const FACTORY: u16 = 3;

fn bench() -> Bench {
    let mut bench = Bench::start(TornFlash::new(1));
    bench.run(300);
    bench
}

fn calibrating() -> Bench {
    let mut bench = bench();
    bench.unlock();
    assert_eq!(bench.coil(coil::channel(0) + coil::CALIBRATION, true), Ok(()));
    bench
}

fn value(bench: &mut Bench) -> f32 {
    of_float(&bench.read(4, input::channel(0), 2))
}

fn step(bench: &mut Bench, code: u16, reference: f32) -> Result<(), u8> {
    let words = [&float(reference)[..], &[code]].concat();
    bench.write(holding::setup(0) + holding::REFERENCE, &words)
}

fn steady(bench: &mut Bench, counts: i32) {
    bench.apply(0, counts);
    bench.run(11_000);
    assert_eq!(bench.read(4, input::detail(0) + input::STEADY, 1), [1]);
}

#[test]
fn zero_and_span_make_the_line_through_both_points_and_outlive_a_start() {
    let mut bench = calibrating();
    steady(&mut bench, 4_400);
    assert_eq!(step(&mut bench, ZERO, 0.0), Ok(()));
    bench.run(200);
    assert!(value(&mut bench).abs() < 0.01);
    steady(&mut bench, 11_000);
    assert_eq!(step(&mut bench, SPAN, 50.0), Ok(()));
    bench.run(200);
    assert!((value(&mut bench) - 50.0).abs() < 0.01);
    steady(&mut bench, 4_400);
    assert!(value(&mut bench).abs() < 0.01, "the span moved the zero");
    let kept = bench.read(3, holding::setup(0) + holding::CALIBRATED_LOW, 4);
    assert_eq!((of_float(&kept[..2]), of_float(&kept[2..])), (4_400.0, 17_600.0));
    bench.run(12_000);
    let mut bench = Bench::start(bench.flash.copy(1));
    assert_eq!(bench.read(3, holding::setup(0) + holding::CALIBRATED_LOW, 4), kept);
    bench.apply(0, 11_000);
    bench.run(300);
    assert!((value(&mut bench) - 50.0).abs() < 0.01);
}

#[test]
fn a_step_needs_key_work_and_a_steady_signal() {
    let mut bench = bench();
    assert_eq!(step(&mut bench, ZERO, 0.0), Err(LOCKED));
    bench.unlock();
    bench.run(11_000);
    assert_eq!(step(&mut bench, ZERO, 0.0), Err(ILLEGAL_VALUE), "nobody calibrates");
    assert_eq!(bench.coil(coil::channel(0) + coil::CALIBRATION, true), Ok(()));
    assert_eq!(step(&mut bench, ZERO, 0.0), Ok(()));
    bench.apply(0, 4_300);
    bench.run(200);
    assert_eq!(step(&mut bench, ZERO, 0.0), Err(ILLEGAL_VALUE), "the signal moved");
    bench.run(10_000);
    assert_eq!(step(&mut bench, ZERO, 0.0), Ok(()));
}

#[test]
fn what_is_not_plausible_is_refused_and_changes_nothing() {
    let kept = |bench: &mut Bench| bench.read(3, holding::setup(0) + holding::CALIBRATED_LOW, 4);
    for (counts, code, reference) in [
        (5_700, ZERO, 0.0),
        (4_400, ZERO, 26.0),
        (4_400, ZERO, -1.0),
        (4_400, ZERO, f32::NAN),
        (7_000, SPAN, 50.0),
        (12_000, SPAN, 19.0),
        (12_000, SPAN, 101.0),
        (20_000, SPAN, 40.0),
        (12_000, 4, 50.0),
    ] {
        let mut bench = calibrating();
        steady(&mut bench, counts);
        let before = kept(&mut bench);
        assert_eq!(
            step(&mut bench, code, reference),
            Err(ILLEGAL_VALUE),
            "{counts} µA, step {code}, {reference}"
        );
        assert_eq!(kept(&mut bench), before);
    }
}

#[test]
fn a_calibration_can_be_undone() {
    let mut bench = calibrating();
    steady(&mut bench, 4_400);
    assert_eq!(step(&mut bench, ZERO, 0.0), Ok(()));
    assert_eq!(step(&mut bench, FACTORY, 0.0), Ok(()));
    let kept = bench.read(3, holding::setup(0) + holding::CALIBRATED_LOW, 4);
    assert_eq!((of_float(&kept[..2]), of_float(&kept[2..])), (4_000.0, 20_000.0));
}

#[test]
fn a_curved_sensor_is_calibrated_along_its_curve() {
    let mut bench = bench();
    bench.unlock();
    assert_eq!(bench.write(holding::setup(0) + holding::CURVE_COUNT, &[1, 5_000, 3_000]), Ok(()));
    assert_eq!(bench.coil(coil::channel(0) + coil::CALIBRATION, true), Ok(()));
    // Nominally 12,000 µA at 30 %LEL; this sensor gives a tenth less.
    steady(&mut bench, 11_200);
    assert_eq!(step(&mut bench, SPAN, 30.0), Ok(()));
    bench.run(200);
    assert!((value(&mut bench) - 30.0).abs() < 0.01);
    let kept = bench.read(3, holding::setup(0) + holding::CALIBRATED_HIGH, 2);
    assert_eq!(of_float(&kept), 18_400.0);
}
