/// Runs the n steps of /million-loop, each of which needs the result of the one before.
pub fn run_loop(n: i64, seed: i64) -> i64 {
    let mut acc = seed;
    for i in 0..n {
        acc += i;
        if acc & 1 != 0 {
            acc = 1_000_000 - acc;
        }
    }
    acc
}

#[cfg(test)]
mod tests {
    use super::run_loop;

    #[test]
    fn defined_vectors() {
        assert_eq!(run_loop(1_000_000, 0), 249_999_500_000);
        assert_eq!(run_loop(1_000_000, 1), -250_000_499_999);
        assert_eq!(run_loop(1_000_000, 12_345), -250_000_487_655);
        assert_eq!(run_loop(1_000_000, 2_147_483_647), -247_853_016_353);
        assert_eq!(run_loop(10, 3), 1_000_018);
        assert_eq!(run_loop(0, 7), 7);
    }
}
