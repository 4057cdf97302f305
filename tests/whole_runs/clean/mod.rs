//! What writers leave behind, and how it is found and removed.

mod uploads;
