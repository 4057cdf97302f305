//! To come.
pub mod settings;
