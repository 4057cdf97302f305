//! What a test needs beside the build, said in one line at its head: `needs!(kafka, readers);`. Where `make setup` could not
//! install it, the test ends there and says `SKIPPED <test>: needs <what>`. libtest knows no skip at run time and counts such
//! a test as passed, so that `tests/run` counts these lines. Must not know what a test does with what it needs.

use std::io::Write;

use sluicebox_tests::image::Image;
use sluicebox_tests::place;

/// Ends the test here, as skipped, unless all of these are there: `kafka`, `readers`, `s3`, `cargo_lambda`, `terraform`, `helm`,
/// `changed_root`.
macro_rules! needs {
    ($($need:ident),+) => {
        $(
            if !crate::needs::$need() {
                crate::needs::say_skipped(stringify!($need));
                return Ok(());
            }
        )+
    };
}

/// Apache Kafka's jars, which Maven fetches.
pub(crate) fn kafka() -> bool {
    is_installed("kafka/pom.xml")
}

/// Python's `deltalake` and DuckDB, from PyPI.
pub(crate) fn readers() -> bool {
    is_installed("readers/requirements.txt")
}

/// SeaweedFS, from PyPI as the readers are.
pub(crate) fn s3() -> bool {
    readers()
}

/// An emulator of Lambda, from PyPI as the readers are.
pub(crate) fn cargo_lambda() -> bool {
    readers()
}

/// Terraform and the schema of the AWS provider, from PyPI.
pub(crate) fn terraform() -> bool {
    is_installed("terraform/tests/requirements.txt") && is_installed("terraform/schema/schema.txt")
}

/// Helm, from PyPI as well.
pub(crate) fn helm() -> bool {
    is_installed("helm/tests/requirements.txt") && is_installed("helm/tools/kubectl.txt")
}

/// A machine that lets us change the root: as root, or in a user namespace.
pub(crate) fn changed_root() -> bool {
    Image::can_run()
}

/// `tests/setup/doctor` copies the list of what it installs beside it, once all of it is there.
fn is_installed(list: &str) -> bool {
    place::target().is_ok_and(|target| target.join(list).exists())
}

/// Straight to stderr: libtest captures what the print macros of a passing test say.
pub(crate) fn say_skipped(need: &str) {
    let thread = std::thread::current();
    let line = format!("SKIPPED {}: needs {need}\n", thread.name().unwrap_or("a test"));
    // A reader that has gone away changes nothing about the test.
    let _written = std::io::stderr().write_all(line.as_bytes());
}
