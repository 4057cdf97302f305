//! Pipeline files, as the command reads them.

mod wrong;
