//! Requests over time in one line of a terminal.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// At most `width` bars for the counts; a blank where nothing is. Returns the bars, and how many counts each
/// stands for.
pub fn sparkline(counts: &[u64], width: usize) -> (String, usize) {
    let each = counts.len().div_ceil(width.max(1)).max(1);
    let sums: Vec<u64> = counts.chunks(each).map(|some| some.iter().sum()).collect();
    let most = sums.iter().copied().max().unwrap_or(0);
    let bar = |sum: &u64| match sum {
        0 => ' ',
        sum => {
            let height = (u128::from(*sum) * BARS.len() as u128).div_ceil(u128::from(most.max(1)));
            let height = usize::try_from(height).unwrap_or(BARS.len());
            BARS.get(height.saturating_sub(1)).copied().unwrap_or('█')
        }
    };
    (sums.iter().map(bar).collect(), each)
}

#[cfg(test)]
mod tests {
    use super::sparkline;

    #[test]
    fn the_highest_is_full_and_nothing_is_blank() {
        assert_eq!(sparkline(&[0, 1, 4, 8], 10), (" ▁▄█".into(), 1));
        assert_eq!(sparkline(&[1, 1, 0, 0, 5], 3), ("▄ █".into(), 2));
        assert_eq!(sparkline(&[], 10), (String::new(), 1));
        assert_eq!(sparkline(&[u64::MAX], 0).0, "█");
    }
}
