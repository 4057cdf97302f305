//! The world's three functions; a record's value says what to ask for.

wit_bindgen::generate!({
    path: "../../../wit",
    world: "worldly",
    inline: r#"
        package test:worldly;

        world worldly {
            include sluicebox:transform/transform@2.0.0;
            import wasi:cli/environment@0.2.6;
            import wasi:cli/exit@0.2.6;
            import wasi:cli/stdout@0.2.6;
            import wasi:clocks/monotonic-clock@0.2.6;
            import wasi:clocks/wall-clock@0.2.6;
            import wasi:filesystem/preopens@0.2.6;
            import wasi:random/random@0.2.6;
        }

        package wasi:cli@0.2.6 {
            interface environment {
                get-environment: func() -> list<tuple<string, string>>;
                get-arguments: func() -> list<string>;
            }
            interface exit { exit: func(status: result); }
            interface stdout {
                use wasi:io/streams@0.2.6.{output-stream};
                get-stdout: func() -> output-stream;
            }
        }
        package wasi:clocks@0.2.6 {
            interface monotonic-clock {
                use wasi:io/poll@0.2.6.{pollable};
                now: func() -> u64;
                subscribe-duration: func(when: u64) -> pollable;
            }
            interface wall-clock {
                record datetime { seconds: u64, nanoseconds: u32 }
                now: func() -> datetime;
            }
        }
        package wasi:filesystem@0.2.6 {
            interface types { resource descriptor; }
            interface preopens {
                use types.{descriptor};
                get-directories: func() -> list<tuple<descriptor, string>>;
            }
        }
        package wasi:io@0.2.6 {
            interface error { resource error; }
            interface poll { resource pollable { block: func(); } }
            interface streams {
                use error.{error};
                variant stream-error { last-operation-failed(error), closed }
                resource output-stream {
                    blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
                }
            }
        }
        package wasi:random@0.2.6 {
            interface random { get-random-bytes: func(len: u64) -> list<u8>; }
        }
    "#,
    generate_all,
});

use sluicebox::transform::columns::{Column, Strings, Values};
use sluicebox::transform::description::{RowFormat, Table, WriteMode};
use sluicebox::transform::output::{Rejections, Rows, TableRows};
use sluicebox::transform::types::{DataType, Field};
use wasi::cli::{environment, exit, stdout};
use wasi::clocks::{monotonic_clock, wall_clock};
use wasi::filesystem::preopens;
use wasi::random::random;

const HOUR_NANOSECONDS: u64 = 3_600_000_000_000;

struct Worldly;
export!(Worldly);

impl Guest for Worldly {
    fn describe() -> Description {
        let answer =
            Field { name: "answer".to_owned(), data_type: DataType::Utf8, nullable: false, properties: vec![] };
        let answers = Table {
            name: "answers".to_owned(),
            fields: vec![answer],
            partition_columns: vec![],
            key_columns: vec![],
            event_time_column: None,
            write_mode: WriteMode::Append,
            properties: vec![],
        };
        Description {
            name: "worldly".to_owned(),
            version: "1.0.0".to_owned(),
            configuration_schema: None,
            input_fields: vec![],
            row_format: RowFormat::Columns,
            tables: vec![answers],
            properties: vec![],
        }
    }

    fn configure(_: String, _: Limits) -> Result<(), String> {
        Ok(())
    }

    fn process(batch: Batch) -> Outcome {
        let mut answers = Strings { data: vec![], ends: vec![] };
        let mut start = 0;
        for &end in &batch.values.ends {
            let answer = ask(&batch.values.data[start as usize..end as usize]);
            answers.data.extend_from_slice(answer.as_bytes());
            answers.ends.push(answers.data.len() as u32);
            start = end;
        }
        let records = answers.ends.len();
        let columns = vec![Column { values: Values::Utf8(answers), nulls: vec![] }];
        let none = || Strings { data: vec![], ends: vec![] };
        Outcome {
            verdicts: vec![1; records],
            rows: vec![TableRows {
                table: 0,
                records: (0..records as u32).collect(),
                operations: vec![],
                rows: Rows::Columns(columns),
            }],
            rejections: Rejections { records: vec![], codes: none(), messages: none(), paths: none() },
        }
    }
}

fn ask(question: &[u8]) -> String {
    match question {
        b"time" => format!("{:?}", wall_clock::now()),
        b"chance" => format!("{:?}", random::get_random_bytes(16)),
        b"surroundings" => {
            let (variables, arguments) = (environment::get_environment(), environment::get_arguments());
            format!("{variables:?} {arguments:?} {} folders", preopens::get_directories().len())
        }
        b"sleep" => {
            let before = monotonic_clock::now();
            monotonic_clock::subscribe_duration(HOUR_NANOSECONDS).block();
            format!("slept {} h", (monotonic_clock::now() - before) / HOUR_NANOSECONDS)
        }
        b"print" => {
            print(b"a line\n");
            "printed".to_owned()
        }
        b"traceback" => {
            print(b"Traceback: it went wrong\n");
            core::arch::wasm32::unreachable()
        }
        b"exit" => {
            exit::exit(Err(()));
            "still here".to_owned()
        }
        _ => "what?".to_owned(),
    }
}

fn print(text: &[u8]) {
    if stdout::get_stdout().blocking_write_and_flush(text).is_err() {
        core::arch::wasm32::unreachable()
    }
}
