//! Impairments as text, for the command line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::Impairment;

/// Why something is no [`Impairment`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImpairmentError(String);

impl ImpairmentError {
    pub(super) fn new(what: impl Into<String>) -> Self {
        ImpairmentError(what.into())
    }
}

impl fmt::Display for ImpairmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ImpairmentError {}

impl FromStr for Impairment {
    type Err = ImpairmentError;

    fn from_str(text: &str) -> Result<Self, ImpairmentError> {
        let mut impairment = Impairment::NONE;
        for part in text.split(',') {
            let (name, value) = part.split_once('=').ok_or_else(|| {
                ImpairmentError::new(format!("{part:?} is not of the form name=value"))
            })?;
            let wrong = || ImpairmentError::new(format!("{name}: {value:?} makes no sense"));
            let value = value.trim();
            match name.trim() {
                "loss" => impairment.loss = share(value).ok_or_else(wrong)?,
                "duplicate" => impairment.duplicate = share(value).ok_or_else(wrong)?,
                "reorder" => impairment.reorder = share(value).ok_or_else(wrong)?,
                "corrupt" => impairment.corrupt = share(value).ok_or_else(wrong)?,
                "hold" => impairment.hold = time(value).ok_or_else(wrong)?,
                "delay" => {
                    let (min, max) = value.split_once("..").unwrap_or((value, value));
                    impairment.min_delay = time(min).ok_or_else(wrong)?;
                    impairment.max_delay = time(max).ok_or_else(wrong)?;
                }
                other => {
                    return Err(ImpairmentError::new(format!(
                        "{other:?} is none of loss, duplicate, reorder, corrupt, delay, hold"
                    )));
                }
            }
        }
        impairment.check()?;
        Ok(impairment)
    }
}

/// `0.3` or `30%`.
fn share(text: &str) -> Option<f64> {
    match text.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().ok().map(|percent| percent / 100.0),
        None => text.parse().ok(),
    }
}

/// `50ms`, `1.5s`, or just milliseconds.
fn time(text: &str) -> Option<Duration> {
    let (number, unit) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 0.001),
        (None, Some(number)) => (number, 1.0),
        (None, None) => (text, 0.001),
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()
}

impl fmt::Display for Impairment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (name, share) in [
            ("loss", self.loss),
            ("duplicate", self.duplicate),
            ("reorder", self.reorder),
            ("corrupt", self.corrupt),
        ] {
            if share > 0.0 {
                // Rounded: 0.07 times 100 is not 7.
                parts.push(format!("{name}={}%", (share * 1e8).round() / 1e6));
            }
        }
        let (min, max) = (self.min_delay.as_millis(), self.max_delay.as_millis());
        if max > 0 {
            parts.push(format!("delay={min}..{max}ms"));
        }
        if parts.is_empty() {
            parts.push("none".into());
        }
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn shares_and_times_in_either_form() {
        let impairment: Impairment = "loss=30%,duplicate=0.1, reorder=5%,corrupt=1,delay=50..400ms"
            .parse()
            .unwrap();
        let expected = Impairment::loss(0.3)
            .duplicate(0.1)
            .reorder(0.05)
            .corrupt(1.0);
        // "50" of "50..400ms" is milliseconds too.
        assert_eq!(impairment, expected.delay(50 * MS, 400 * MS));
        let delays: Impairment = "delay=1.5s,hold=20".parse().unwrap();
        assert_eq!(delays.min_delay, 1500 * MS);
        assert_eq!((delays.max_delay, delays.hold), (1500 * MS, 20 * MS));
        assert_eq!(
            impairment.to_string(),
            "loss=30%,duplicate=10%,reorder=5%,corrupt=100%,delay=50..400ms"
        );
        assert_eq!(
            "loss=7%".parse::<Impairment>().unwrap().to_string(),
            "loss=7%"
        );
        assert_eq!(Impairment::NONE.to_string(), "none");
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "not of the form"),
            ("loss", "not of the form"),
            ("lose=1", "none of loss"),
            ("loss=x", "makes no sense"),
            ("loss=101%", "not between 0 and 1"),
            ("loss=-1", "not between 0 and 1"),
            ("corrupt=NaN", "not between 0 and 1"),
            ("delay=-5ms", "makes no sense"),
            ("delay=9..5ms", "the longer"),
            ("delay=2h", "makes no sense"),
            ("delay=3601s", "more than an hour"),
        ] {
            let error = text.parse::<Impairment>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
