//! Numbers of a run: percentiles, and what the kernel says of a process.
//! Never decides what is good.

use anyhow::{Context, Result};
use std::time::Duration;

/// Samples of a duration.
#[derive(Default, Clone)]
pub(crate) struct Samples(Vec<u64>);

impl Samples {
    pub(crate) fn add(&mut self, nanoseconds: u64) {
        self.0.push(nanoseconds);
    }

    pub(crate) fn extend(&mut self, other: Samples) {
        self.0.extend(other.0);
    }

    /// The value that `percent` of the samples do not exceed, in milliseconds.
    pub(crate) fn percentile_ms(&mut self, percent: usize) -> f64 {
        if self.0.is_empty() {
            return f64::NAN;
        }
        self.0.sort_unstable();
        let at = (self.0.len() * percent / 100).min(self.0.len() - 1);
        self.0[at] as f64 / 1e6
    }
}

/// Time on all processors that a process has used.
pub(crate) fn cpu_of(process: u32) -> Result<Duration> {
    let fields = fields_of(process)?;
    // Fields 14 and 15 of proc(5), counted from 1; the first two are cut off.
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)?.context("no clock tick")?;
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// Memory of a process that is in RAM, bytes.
pub(crate) fn resident_of(process: u32) -> Result<u64> {
    let pages: u64 = fields_of(process)?[21].parse()?;
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)?.context("no page size")?;
    Ok(pages * page as u64)
}

/// The fields of /proc/PID/stat behind the name.
fn fields_of(process: u32) -> Result<Vec<String>> {
    let line = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, rest) = line.rsplit_once(')').context("no stat line")?;
    Ok(rest.split_whitespace().map(str::to_owned).collect())
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_the_median_are_values_that_were_measured() {
        let mut samples = Samples::default();
        (1..=100).rev().for_each(|n| samples.add(n * 1_000_000));
        assert_eq!((samples.percentile_ms(50), samples.percentile_ms(99)), (51.0, 100.0));
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn the_kernel_knows_this_process() {
        assert!(resident_of(std::process::id()).unwrap() > 100_000);
        assert!(cpu_of(std::process::id()).is_ok());
    }
}
