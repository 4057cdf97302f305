//! The `bootstrap` of an AWS Lambda function.

fn main() {}
