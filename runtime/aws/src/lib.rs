//! What only AWS has.
