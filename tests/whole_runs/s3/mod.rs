//! Tables on S3: the same promises as on a disk.

mod tables;
mod writers;
