//! What goes to a terminal looks good; what goes elsewhere has no colours. stdout is for data, stderr for the rest.

use std::fmt::Display;
use std::io::IsTerminal;

use anstyle::{AnsiColor, Style};
use tracing_subscriber::EnvFilter;

/// Paints text, or leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    is_on: bool,
}

impl Paint {
    /// For stdout.
    pub(crate) fn stdout() -> Self {
        Paint { is_on: wants_colour(std::io::stdout().is_terminal()) }
    }

    /// For stderr.
    pub(crate) fn stderr() -> Self {
        Paint { is_on: wants_colour(std::io::stderr().is_terminal()) }
    }

    /// Whether it paints at all.
    pub(crate) fn is_on(self) -> bool {
        self.is_on
    }

    pub(crate) fn good(self, text: impl Display) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    pub(crate) fn bad(self, text: impl Display) -> String {
        self.paint(AnsiColor::Red.on_default(), text)
    }

    pub(crate) fn strong(self, text: impl Display) -> String {
        self.paint(Style::new().bold(), text)
    }

    pub(crate) fn faint(self, text: impl Display) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    fn paint(self, style: Style, text: impl Display) -> String {
        if self.is_on { format!("{style}{text}{style:#}") } else { text.to_string() }
    }
}

/// <https://no-color.org>
fn wants_colour(is_terminal: bool) -> bool {
    is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Logs go to stderr: text for a terminal, JSON for anything else. `SLUICEBOX_LOG` filters them. Of the libraries only
/// warnings are shown: delta's own `info` spells out whole snapshots. It also warns at each flush that binary columns
/// have no statistics, which they never do.
pub(crate) fn start_logs(level: &str) {
    let ours = ["sluicebox", "sluicebox_pipeline", "sluicebox_registry", "sluicebox_sandbox"];
    let ours = ours.map(|room| format!("{room}={level}")).join(",");
    let own = format!("warn,deltalake_core::writer::stats=error,{ours}");
    let filter = EnvFilter::try_from_env("SLUICEBOX_LOG").unwrap_or_else(|_| EnvFilter::new(own));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        logs.with_ansi(Paint::stderr().is_on()).with_target(false).init();
    } else {
        logs.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
    }
}

/// `1 record`, `12,345 records`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A number with its thousands set apart.
pub(crate) fn grouped(number: impl Display) -> String {
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
pub(crate) fn size(bytes: u64) -> String {
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
