//! Records that are gone: their partition stops, and nothing is skipped in silence.

mod exchanged_topic;
mod gone;
