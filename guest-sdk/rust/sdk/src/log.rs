//! Lines for the host's log: `log::info!("{n} items")`. The host adds where the batch is from, and drops lines beyond
//! its limit. In native tests they go to stderr.

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For debugging the transform.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth looking into.
    Warn,
    /// Wrong.
    Error,
}

/// Writes a line.
pub fn write(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::guest::log(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?}: {message}");
}

macro_rules! levels {
    ($dollar:tt $($name:ident $hidden:ident $level:ident $doc:literal;)*) => {$(
        #[doc = $doc]
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $hidden {
            ($dollar($dollar argument:tt)*) => {
                $crate::log::write($crate::log::Level::$level, &::std::format!($dollar($dollar argument)*))
            };
        }
        #[doc(inline)]
        pub use $hidden as $name;
    )*};
}

levels! { $
    debug __log_debug Debug "Logs a line for debugging, formatted like `format!`.";
    info __log_info Info "Logs a line worth knowing, formatted like `format!`.";
    warn __log_warn Warn "Logs a line worth looking into, formatted like `format!`.";
    error __log_error Error "Logs that something is wrong, formatted like `format!`.";
}
