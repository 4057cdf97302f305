//! The conventions of CONTRIBUTING.md and ARCHITECTURE.md guard themselves: these tests read the sources, not what they are
//! built to, and name each place that breaks a rule. They know no crate of this workspace but by its folder's name.

mod crates;
mod documents;
mod files;
mod invariants;
mod manifest;
mod metrics;
mod modules;
mod planted;
mod source;
