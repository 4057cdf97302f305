//! Every record becomes its rows or its dead letter, once: from topics and from files, also when a process, broker or store fails.

mod chaos;
mod crash;
mod files;
mod gaps;
mod outage;
mod samples;
mod stop;
mod topics;
