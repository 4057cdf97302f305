//! Medians, and what a clock says.

use std::time::Instant;

/// The middle of the values; 0 if there are none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    // An order that has a place for NaN, too.
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values.get(count / 2).copied().unwrap_or_default(),
        count => values.iter().skip(count / 2 - 1).take(2).sum::<f64>() / 2.0,
    }
}

/// Nanoseconds that `work` takes for each of `count` things.
pub(super) fn nanoseconds_each<E>(count: usize, work: impl FnOnce() -> Result<(), E>) -> Result<f64, E> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_nanos() as f64 / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 100.0]), 3.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 100.0]), 3.0);
        assert_eq!(median(Vec::new()), 0.0);
    }
}
