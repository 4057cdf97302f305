//! Broken pipeline files and broken surroundings, from `tests/cases`: both `check` and `run` name the place, the cause and the fix,
//! end with the right code, and do so at once.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/guest.rs"]
mod guest;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::json;

/// How long either command may take. A debug build on a busy machine takes longer than the product promises.
const ANSWER_DURATION_MAX: Duration = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 2 });
/// How long until a run that goes on has said what is wrong.
const SENTENCE_DURATION_MAX: Duration = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 5 });
const WORKERS: usize = 4;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn cases(kind: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(repository().join("tests/cases").join(kind)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "yaml")).collect()
}

/// Plays each case, several at once, and collects what is wrong.
fn play(cases: Vec<PathBuf>, case: impl Fn(&Path) -> Result<(), String> + Sync) -> usize {
    let (count, queue, wrong) = (cases.len(), Mutex::new(cases), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    // The lock is held for this line alone: the cases run beside each other.
                    let Some(path) = queue.lock().unwrap().pop() else { return };
                    if let Err(said) = case(&path) {
                        wrong.lock().unwrap().push(format!("--- {}: {said}", path.file_stem().unwrap().display()));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {count}\n{}", wrong.len(), wrong.join("\n"));
    count
}

/// A process, and what it has said so far.
struct Running {
    child: Child,
    said: Arc<Mutex<Vec<u8>>>,
    listener: Option<JoinHandle<()>>,
    started: Instant,
}

impl Running {
    fn start(command: &str, folder: &Path, environment: &BTreeMap<String, String>) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_sluicebox"));
        process.arg(command).arg("pipeline.yaml").current_dir(folder).env_remove("SLUICEBOX_LOG").envs(environment);
        let mut child = process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (mut stderr, heard) = (child.stderr.take().unwrap(), Arc::clone(&said));
        let listener = thread::spawn(move || {
            let mut buffer = [0; 4096];
            // On a thread: a process whose stderr is full would wait, and never end.
            while let Ok(length @ 1..) = stderr.read(&mut buffer) {
                heard.lock().unwrap().extend_from_slice(&buffer[..length]);
            }
        });
        Self { child, said, listener: Some(listener), started: Instant::now() }
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().unwrap()).into_owned()
    }

    /// The exit code and what was said, if it ends in time.
    fn ended(mut self) -> Result<(i32, String), String> {
        while self.started.elapsed() < ANSWER_DURATION_MAX {
            if let Some(status) = self.child.try_wait().unwrap() {
                // The last words may still be on their way.
                self.listener.take().map(JoinHandle::join);
                return Ok((status.code().unwrap_or(-1), self.said()));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(format!("no end after {ANSWER_DURATION_MAX:?}: {}", self.said()))
    }

    /// Waits until all words were said.
    fn says(&mut self, words: &[String]) -> Result<(), String> {
        while self.started.elapsed() < SENTENCE_DURATION_MAX {
            if lacking(words, &self.said()).is_none() {
                // It has said all, and must go on: an end after the right words is wrong here.
                return match self.child.try_wait().unwrap() {
                    None => Ok(()),
                    Some(status) => Err(format!("ended with {status}: {}", self.said())),
                };
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(format!("does not say all of {words:?}: {}", self.said()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn lacking<'a>(words: &'a [String], said: &str) -> Option<&'a String> {
    words.iter().find(|words| !said.contains(words.as_str()))
}

/// The texts themselves are compared where they are made, in the crate of the settings.
#[test]
fn a_broken_pipeline_file_is_refused_alike_by_check_and_run() {
    let count = play(cases("settings"), |case| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("orders.wasm"), "").unwrap();
        fs::copy(case.join("pipeline.yaml"), folder.path().join("pipeline.yaml")).unwrap();
        let expected = fs::read_to_string(case.join("error.txt")).unwrap();
        for command in ["check", "run"] {
            let (code, said) = Running::start(command, folder.path(), &BTreeMap::new()).ended()?;
            // The expected text cannot know the temporary folder.
            let said = said.replace(&format!("{}/", folder.path().display()), "");
            if code != 2 || !said.starts_with(expected.trim_end()) {
                return Err(format!("{command} ended with {code} and said\n{said}\nnot\n{expected}"));
            }
        }
        Ok(())
    });
    assert!(count >= 60, "only {count} cases");
}

#[test]
fn broken_surroundings_are_named_with_the_fix() {
    let wasm = guest::guest("sample-transforms/clean-orders");
    // Held until the end of the test: cases that need a port in use are given this one.
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port();
    let count = play(cases("surroundings"), |case| Scene::set(case, &wasm, port).play());
    assert!(count >= 25, "only {count} cases");
}

/// A case with its folder, its store and its environment.
struct Scene {
    folder: tempfile::TempDir,
    environment: BTreeMap<String, String>,
    code: Option<i32>,
    words: Vec<String>,
    check_passes: bool,
    run_stays: bool,
}

impl Scene {
    fn set(case: &Path, wasm: &Path, port: u16) -> Self {
        let text = fs::read_to_string(case).unwrap();
        let answer = text.lines().find_map(|line| line.strip_prefix("# store: "));
        let store = answer.map_or(0, store);
        let filled = |text: &str| {
            text.replace("{{wasm}}", &wasm.display().to_string())
                .replace("{{port}}", &port.to_string())
                .replace("{{store}}", &store.to_string())
        };
        let aws = [
            ("ACCESS_KEY_ID", "tests"),
            ("SECRET_ACCESS_KEY", "tests"),
            ("REGION", "us-east-1"),
            ("EC2_METADATA_DISABLED", "true"),
        ];
        let mut scene = Self {
            folder: tempfile::tempdir().unwrap(),
            environment: aws.map(|(name, value)| (format!("AWS_{name}"), value.to_owned())).into(),
            code: None,
            words: Vec::new(),
            check_passes: false,
            run_stays: false,
        };
        let path = scene.folder.path();
        fs::write(path.join("in.jsonl"), "").unwrap();
        fs::write(path.join("pipeline.yaml"), filled(&text)).unwrap();
        for line in text.lines().filter_map(|line| line.strip_prefix("# ")) {
            let (verb, rest) = line.split_once(": ").unwrap();
            scene.prepare(verb, &filled(rest));
        }
        scene
    }

    fn prepare(&mut self, verb: &str, rest: &str) {
        let (name, text) = rest.split_once('=').unwrap_or((rest, ""));
        let place = self.folder.path().join(name);
        match verb {
            "folder" => fs::create_dir_all(place).unwrap(),
            "file" => fs::write(place, text.replace('|', "\n")).unwrap(),
            "bytes" => fs::write(place, bytes(text)).unwrap(),
            "link" => std::os::unix::fs::symlink(text, place).unwrap(),
            "foreign" => foreign_table(&place),
            "store" => {}
            "env" => {
                self.environment.insert(name.to_owned(), text.replace('|', "\n"));
            }
            "exit" => self.code = Some(rest.parse().unwrap()),
            "says" => self.words.push(rest.to_owned()),
            "check" => self.check_passes = rest == "passes",
            "run" => self.run_stays = rest == "stays",
            other => panic!("`{other}` is not known to this test"),
        }
    }

    fn play(&self) -> Result<(), String> {
        let (code, said) = self.start("check").ended()?;
        match self.check_passes {
            true if code != 0 => return Err(format!("check ended with {code} and said {said}")),
            true => {}
            false => self.judge("check", code, &said)?,
        }
        if self.run_stays {
            return self.start("run").says(&self.words);
        }
        let (code, said) = self.start("run").ended()?;
        self.judge("run", code, &said)
    }

    fn start(&self, command: &str) -> Running {
        Running::start(command, self.folder.path(), &self.environment)
    }

    fn judge(&self, command: &str, code: i32, said: &str) -> Result<(), String> {
        match lacking(&self.words, said) {
            Some(words) => Err(format!("{command} does not say `{words}`: {said}")),
            None if Some(code) != self.code => Err(format!("{command} ended with {code}, not {:?}: {said}", self.code)),
            None if said.contains("panicked") => Err(format!("{command} panicked: {said}")),
            None => Ok(()),
        }
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap()).collect()
}

/// A Delta table of another program, with one column: only its log, as the protocol has it.
fn foreign_table(folder: &Path) {
    let field = json!({"name": "stranger", "type": "integer", "nullable": false, "metadata": {}});
    let schema = json!({"type": "struct", "fields": [field]});
    let metadata = json!({"id": "0b1f6f7e-5d7c-4c0e-9a53-0d2d5c1f2a10", "format": {"provider": "parquet", "options": {}},
        "schemaString": schema.to_string(), "partitionColumns": [], "configuration": {}, "createdTime": 0});
    let protocol = json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}});
    let log = folder.join("_delta_log");
    fs::create_dir_all(&log).unwrap();
    let entry = format!("{protocol}\n{}\n", json!({"metaData": metadata}));
    fs::write(log.join("00000000000000000000.json"), entry).unwrap();
}

/// A store that gives each request one answer, such as `403 AccessDenied`; returns its port. It ends with the test.
fn store(answer: &str) -> u16 {
    let (status, code) = answer.split_once(' ').unwrap();
    let body = format!("<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>told so</Message></Error>");
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut stream), head, body) = (stream, head.clone(), body.clone()) else { continue };
            thread::spawn(move || {
                let mut request = [0; 16 * 1024];
                let length = stream.read(&mut request).unwrap_or(0);
                let is_head = request[..length].starts_with(b"HEAD");
                let _gone = stream.write_all(if is_head { head } else { head + &body }.as_bytes());
            });
        }
    });
    port
}
