//! How another transform comes into a running pipeline: prepared and adopted ([`prepared`]), or tried beside the one that
//! judges, as a [`shadow`] or as a canary ([`candidate`]); and the channel by which a registry proposes it ([`changes`]).

pub mod candidate;
pub mod changes;
pub mod prepared;
pub mod shadow;
