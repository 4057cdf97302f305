//! The registry's commands from outside: what they say, how they end, and what a pipeline makes of it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/guest.rs"]
mod guest;

use std::fs;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// The public halves of [`KEY`] and of another key.
const PUBLIC: &str = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const OTHER: &str = "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=";
/// `openssl genpkey -algorithm ed25519`; signs nothing but tests.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";

/// A folder with a registry, a key and two components.
struct Scene {
    folder: tempfile::TempDir,
    orders: String,
    pii: String,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("key.pem"), KEY).unwrap();
        Scene {
            folder,
            orders: component("sample-transforms/clean-orders"),
            pii: component("sample-transforms/mask-pii"),
        }
    }

    fn sluicebox(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_sluicebox"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("SLUICEBOX_LOG")
            .env("USER", "ada")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What it says on stdout, where it ends well.
    fn good(&self, arguments: &[&str]) -> String {
        let output = self.sluicebox(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it says on stderr, where it ends with this code.
    fn bad(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.sluicebox(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    /// Gives the pipeline another transform: this one, with some keys of its own.
    fn set_transform(&self, transform: &Value, more: &Value) {
        let mut transform = transform.clone();
        transform.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let file = self.folder.path().join("pipeline.yaml");
        let mut settings: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        settings["transform"] = transform;
        fs::write(file, settings.to_string()).unwrap();
    }

    /// Pushes a component, and gives back its digest.
    fn push(&self, wasm: &str, name: &str, more: &[&str]) -> String {
        let to = format!("registry/{name}");
        let arguments = [&["push", wasm, "--to", &to, "--format", "json"], more].concat();
        let pushed: Value = serde_json::from_str(&self.good(&arguments)).unwrap();
        pushed["digest"].as_str().unwrap().to_owned()
    }

    /// A pipeline that reads one order from a file, with this transform.
    fn pipeline(&self, transform: &Value) {
        let order = json!({"id": "o-1", "customer": "a@b.example", "amount": 1.5, "currency": "EUR", "items": 3,
            "placed_at": "2024-02-29T12:30:00Z"});
        fs::write(self.folder.path().join("records"), json!({"value": order.to_string()}).to_string()).unwrap();
        let settings = json!({
            "name": "orders",
            "source": {"file": {"path": "records"}},
            "transform": transform,
            "tables": {"orders": {"path": "tables/orders"}},
            "dead_letters": {"path": "tables/dead_letters"},
        });
        fs::write(self.folder.path().join("pipeline.yaml"), settings.to_string()).unwrap();
    }
}

fn component(folder: &str) -> String {
    guest::guest(folder).to_str().unwrap().to_owned()
}

#[test]
fn a_pipeline_runs_what_its_channel_names() {
    let scene = Scene::new();
    let digest = scene.push(&scene.orders, "orders", &[]);
    scene.pipeline(&json!({"artifact": "orders@prod", "registry": "registry"}));
    let said = scene.bad(2, &["check"]);
    assert!(said.contains("E0124") && said.contains("sluicebox promote"), "{said}");

    let reference = format!("registry/orders@{}", &digest[..19]);
    let said =
        scene.good(&["promote", &reference, "--channel", "prod", "--pipeline", "pipeline.yaml", "--note", "first"]);
    assert!(said.contains("orders@prod  version 1, promote") && said.contains(&digest), "{said}");
    assert!(scene.good(&["check"]).contains(&digest));
    scene.good(&["run"]);
    // The log itself is read: it must name the transform that judged, not the channel.
    let log = fs::read_dir(scene.folder.path().join("tables/orders/_delta_log")).unwrap();
    let commits: String = log.filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok()).collect();
    assert!(commits.contains(&digest), "the commit names the transform");

    let listed: Value = serde_json::from_str(&scene.good(&["ls", "registry", "--format", "json"])).unwrap();
    let channel = &listed["artifacts"][0]["channels"][0];
    assert_eq!((&channel["entry"]["digest"], &channel["entry"]["by"]), (&json!(digest), &json!("ada")));
    assert!(scene.good(&["ls", "registry/orders@prod"]).contains("ada: first"));
}

#[test]
fn what_does_not_fit_the_pipeline_is_refused_and_the_channel_stays() {
    let scene = Scene::new();
    let orders = scene.push(&scene.orders, "orders", &[]);
    scene.pipeline(&json!({"artifact": "orders@prod", "registry": "registry"}));
    scene.good(&["promote", &format!("registry/orders@{orders}"), "--channel", "prod"]);
    scene.good(&["run"]);

    let said = scene.bad(2, &["push", &scene.pii, "--to", "registry/orders", "--pipeline", "pipeline.yaml"]);
    assert!(said.contains("E0121"), "{said}");
    let pii = scene.push(&scene.pii, "orders", &[]);
    let said = scene
        .bad(2, &["promote", &format!("registry/orders@{pii}"), "--channel", "prod", "--pipeline", "pipeline.yaml"]);
    assert!(said.contains("E0121"), "{said}");
    assert!(scene.good(&["check"]).contains(&orders), "all stays as it was");

    let output = scene.sluicebox(&["diff", "registry/orders@prod", &format!("registry/orders@{pii}")]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("- the table") && said.contains("+ the table"), "{said}");
    assert!(scene.good(&["diff", "registry/orders@prod", "registry/orders@prod"]).contains("nothing changes"));
}

#[test]
fn channels_go_forth_and_back() {
    let scene = Scene::new();
    let (orders, pii) = (scene.push(&scene.orders, "orders", &[]), scene.push(&scene.pii, "orders", &[]));
    let pii = format!("orders@{pii}");
    let said = scene.bad(2, &["shadow", &pii, "--channel", "prod", "--registry", "registry"]);
    assert!(said.contains("run `sluicebox promote` first"), "{said}");
    scene.good(&["promote", &format!("orders@{orders}"), "--channel", "prod", "--registry", "registry"]);
    let said = scene.good(&["shadow", &pii, "--channel", "prod", "--share", "0.25", "--registry", "registry"]);
    assert!(said.contains("on copies of 25.0 % of the records"), "{said}");
    let canary = ["canary", &pii, "--channel", "prod", "--partitions", "orders/0,orders/1", "--registry", "registry"];
    assert!(scene.good(&canary).contains("on orders/0, orders/1, until it rejects more than 5.0 %"));
    scene.good(&["withdraw", "registry/orders@prod"]);
    scene.good(&["promote", &pii, "--channel", "prod", "--registry", "registry"]);
    assert!(scene.good(&["rollback", "registry/orders@prod"]).contains(&orders));
    let said = scene.bad(2, &["rollback", "registry/orders@prod"]);
    assert!(said.contains("nothing to roll back to"), "{said}");
    let history: Value =
        serde_json::from_str(&scene.good(&["ls", "registry/orders@prod", "--format", "json"])).unwrap();
    let actions: Vec<&str> =
        history["history"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["promote", "shadow", "canary", "withdraw", "promote", "rollback"]);
}

#[test]
fn what_is_not_signed_is_refused_where_keys_are_asked_for() {
    let scene = Scene::new();
    let digest = scene.push(&scene.orders, "orders", &[]);
    scene.pipeline(&json!({"artifact": format!("orders@{digest}"), "registry": "registry", "keys": PUBLIC}));
    let said = scene.bad(2, &["run"]);
    assert!(said.contains("E0124") && said.contains("it is not signed"), "{said}");
    scene.push(&scene.orders, "orders", &["--sign-with", "key.pem"]);
    scene.good(&["run"]);

    scene.pipeline(&json!({"artifact": format!("orders@{digest}"), "registry": "registry", "keys": [OTHER]}));
    let said = scene.bad(2, &["run"]);
    assert!(said.contains("none of the required keys"), "{said}");
    let promote = ["promote", &format!("registry/orders@{digest}"), "--channel", "prod", "--key", OTHER];
    assert!(scene.bad(2, &promote).contains("none of the required keys"));
    scene.pipeline(&json!({"artifact": format!("orders@{digest}"), "registry": "registry", "keys": ["rubbish"]}));
    assert!(scene.bad(2, &["check"]).contains("E0125"));
    assert!(
        scene
            .bad(2, &["push", &scene.orders, "--to", "registry/orders", "--sign-with", "records"])
            .contains("keys new")
    );
}

/// What judged before the keys came, or came from elsewhere, judges no more: not from the archive, and not from a file.
#[test]
fn keys_hold_for_redrive_and_replay() {
    let scene = Scene::new();
    let digest = scene.push(&scene.orders, "orders", &[]);
    let unsigned = json!({"artifact": format!("orders@{digest}"), "registry": "registry"});
    scene.pipeline(&unsigned);
    fs::write(scene.folder.path().join("records"), r#"{"value": "no order"}"#).unwrap();
    scene.good(&["run"]);
    scene.good(&["replay", "orders/0@0"]);

    scene.set_transform(&unsigned, &json!({"keys": [PUBLIC]}));
    assert!(scene.bad(2, &["replay", "orders/0@0"]).contains("it is not signed"));
    let signed = scene.push(&scene.pii, "orders", &["--sign-with", "key.pem"]);
    scene.set_transform(&unsigned, &json!({"keys": [PUBLIC], "artifact": format!("orders@{signed}")}));
    let said = scene.bad(2, &["dlq", "redrive", "--transform", &scene.orders]);
    assert!(said.contains("it is not signed"), "{said}");
    scene.push(&scene.orders, "orders", &["--sign-with", "key.pem"]);
    scene.set_transform(&unsigned, &json!({"keys": [PUBLIC]}));
    scene.good(&["replay", "orders/0@0"]);

    scene.set_transform(&unsigned, &json!({"keys": [PUBLIC], "limits": {"record_rows_max": 10}}));
    let said = scene.bad(2, &["replay", "orders/0@0"]);
    assert!(said.contains("`transform.limits.record_rows_max`"), "{said}");
}

#[test]
fn a_key_that_the_command_makes_signs_and_is_its_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let scene = Scene::new();
    let made: Value = serde_json::from_str(&scene.good(&["keys", "new", "new.pem", "--format", "json"])).unwrap();
    let mode = fs::metadata(scene.folder.path().join("new.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(scene.bad(2, &["keys", "new", "new.pem"]).contains("new.pem exists"));
    let public = made["public"].as_str().unwrap();
    assert!(scene.good(&["keys", "show", "new.pem"]).contains(public));
    assert!(scene.good(&["keys", "show", "key.pem"]).contains(PUBLIC));

    let digest = scene.push(&scene.orders, "orders", &["--sign-with", "new.pem"]);
    scene.pipeline(&json!({"artifact": format!("orders@{digest}"), "registry": "registry", "keys": [public]}));
    scene.good(&["check"]);
}

#[test]
fn a_reference_that_leads_nowhere_is_usage() {
    let scene = Scene::new();
    for (arguments, part) in [
        (&["ls", "nowhere"][..], "there is no folder nowhere"),
        (&["promote", "orders@prod", "--channel", "x"], "in which registry"),
        (&["promote", "orders@sha256:12", "--channel", "x", "--registry", "."], "not an artifact"),
        (&["rollback", "./orders@prod"], "nothing to roll back to"),
        (&["promote", "./orders@staging", "--channel", "prod"], "has no channel orders@staging"),
        (&["push", "x.wasm", "--to", "orders"], "does not name a registry"),
        (&["shadow", "./orders@x", "--channel", "prod", "--share", "0"], "more than 0"),
        (&["canary", "./orders@x", "--channel", "prod", "--partitions", "orders"], "not a partition"),
    ] {
        let said = scene.bad(2, arguments);
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
}
