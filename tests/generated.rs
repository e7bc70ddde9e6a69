//! Generated traffic (benches/traffic): every verdict is right, and nothing depends on threads or on how bytes arrive.

#[path = "../benches/traffic/mod.rs"]
#[expect(dead_code, reason = "the generator's program uses the rest")]
pub mod traffic;

use traffic::shapes::Shape;
use traffic::verify::generate;

const PLENTY: usize = 1 << 20;

fn assert_right(shape: Shape) {
    let generated = generate(shape);
    let comparison = generated.compared(&generated.judged(2, PLENTY));
    assert!(comparison.right > 100, "{comparison:?}");
    assert!(comparison.wrong.is_empty(), "{:#?}", comparison.wrong);
}

#[test]
fn every_verdict_on_mixed_traffic_is_right() {
    assert_right(Shape::mixed(0.02, 1));
    assert_right(Shape::mixed(0.005, 2));
}

#[test]
fn every_verdict_on_many_short_connections_is_right() {
    assert_right(Shape::many(0.002, 3));
}

#[test]
fn every_verdict_in_a_flood_is_right() {
    assert_right(Shape::flood(0.002, 4));
}

#[test]
fn a_wrong_verdict_would_be_noticed() {
    let generated = generate(Shape::mixed(0.002, 5));
    let csv = String::from_utf8(generated.judged(1, PLENTY)).unwrap();
    let lied = csv.replace(",fin,", ",open,");
    assert!(!generated.compared(lied.as_bytes()).wrong.is_empty());
    let first_rows: Vec<&str> = csv.lines().take(20).collect();
    assert!(!generated.compared(first_rows.join("\n").as_bytes()).wrong.is_empty());
}

#[test]
fn threads_pieces_and_files_change_no_byte_of_csv_and_json() {
    let generated = generate(Shape::mixed(0.005, 6));
    let expected = generated.told(1, PLENTY, None);
    for (threads, piece, open) in [
        (2, PLENTY, None),
        (3, 4099, None),
        (1, 61, None),
        (7, 65_536, Some(1)),
        (1, PLENTY, Some(3)),
    ] {
        assert!(
            generated.told(threads, piece, open) == expected,
            "{threads} threads, pieces of {piece} bytes, {open:?} flows open"
        );
    }
}
