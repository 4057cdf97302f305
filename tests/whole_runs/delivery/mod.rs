//! Every record becomes its rows or its dead letter, once, also when a process, a broker or the store fails.

mod away;
mod chaos;
mod crash;
mod drains;
mod files;
mod gaps;
mod growth;
mod leaderless;
mod outage;
mod samples;
mod stop;
mod topics;
