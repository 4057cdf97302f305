//! Colours, logs and numbers for people. stdout is for data, stderr for the rest; only a terminal gets colours.

use std::fmt::Display;
use std::io::{IsTerminal, StdoutLock, Write as _};

use anstyle::{AnsiColor, Style};
use tracing_subscriber::EnvFilter;

use crate::visible::Guarded;

/// Adds colours to text, or leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    is_on: bool,
}

impl Paint {
    /// For stdout.
    pub fn stdout() -> Self {
        Paint { is_on: wants_colour(std::io::stdout().is_terminal()) }
    }

    /// For stderr.
    pub fn stderr() -> Self {
        Paint { is_on: wants_colour(std::io::stderr().is_terminal()) }
    }

    /// Whether it adds colours.
    pub fn is_on(self) -> bool {
        self.is_on
    }

    /// Green: success.
    pub fn good(self, text: impl Display) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    /// Red: a failure.
    pub fn bad(self, text: impl Display) -> String {
        self.paint(AnsiColor::Red.on_default(), text)
    }

    /// Bold: what matters most.
    pub fn strong(self, text: impl Display) -> String {
        self.paint(Style::new().bold(), text)
    }

    /// Dimmed: what matters least.
    pub fn faint(self, text: impl Display) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    fn paint(self, style: Style, text: impl Display) -> String {
        if self.is_on { format!("{style}{text}{style:#}") } else { text.to_string() }
    }
}

/// Where a command writes its answer: all text goes through the net of [`Guarded`].
pub fn stdout() -> Guarded<StdoutLock<'static>> {
    Guarded::new(std::io::stdout().lock(), Paint::stdout().is_on())
}

/// A line for people, on stderr, through the same net.
pub fn tell(line: impl Display) {
    let mut out = Guarded::new(std::io::stderr().lock(), Paint::stderr().is_on());
    // A command whose stderr is closed cannot say so anywhere.
    drop(writeln!(out, "{line}"));
}

/// <https://no-color.org>
fn wants_colour(is_terminal: bool) -> bool {
    is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Sends logs to stderr: text for a terminal, JSON for anything else. `SLUICEBOX_LOG` filters them; without it our own
/// crates log at `level` and the libraries their warnings. delta-rs warns at each flush that binary columns have no
/// statistics, which they never have: that warning is off.
///
/// # Errors
/// `SLUICEBOX_LOG` is not a filter.
pub fn start_logs(level: &str) -> Result<(), String> {
    let filter = match std::env::var("SLUICEBOX_LOG") {
        Ok(text) => EnvFilter::try_new(&text).map_err(|error| {
            format!("SLUICEBOX_LOG is not a log filter: {error}; write a level, `debug`, or `<crate>=<level>,…`")
        })?,
        // A target matches by its beginning: `sluicebox` stands for all our crates.
        Err(_) => EnvFilter::new(format!(
            "warn,aws_config=error,buoyant_kernel=off,deltalake_core::writer::stats=error,sluicebox={level}"
        )),
    };
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        logs.with_ansi(Paint::stderr().is_on()).with_target(false).init();
    } else {
        logs.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
    }
    Ok(())
}

/// `1 record`, `12,345 records`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A number with commas between its thousands: `12,345`.
pub fn grouped(number: impl Display) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size for people: `93.4 KiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{amount:.1} {}", UNITS.get(unit).copied().unwrap_or("TiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(0, "row"), "0 rows");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(95_642), "93.4 KiB");
        assert_eq!(size(128 << 20), "128.0 MiB");
    }
}
