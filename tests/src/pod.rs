//! A pod, as far as one container can see it: the image's root, the environment, the mounted files and the arguments that the
//! rendered objects say, and what a kubelet asks and does. Knows no cluster, and nothing of Sluicebox but its image.

use std::fs::{self, File, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::http::get;
use crate::image::Image;
use crate::lifeline::Lifeline;
use crate::pipeline::await_until;
use crate::rendered::the;

/// A pod with one container. Dropped, it is killed.
pub struct Pod {
    process: Child,
    spec: Value,
    log: PathBuf,
    _lifeline: Lifeline,
    // Last: fields drop in order, and the folder goes when the process is gone.
    _folder: TempDir,
}

/// A folder for a place in the container.
struct Mount {
    source: PathBuf,
    place: String,
    is_read_only: bool,
}

impl Pod {
    /// Starts the pod of the objects' Deployment. `secrets` are the values of the Secrets that it refers to, by name and key.
    ///
    /// # Errors
    /// If something that it refers to does not exist.
    pub fn start(image: &Image, objects: &[Value], secrets: &Value) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        // The container's user is not the one who made the folder.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        let spec = the(objects, "Deployment")?["spec"]["template"]["spec"].clone();
        let container = &spec["containers"][0];
        let mounts = mounts(&spec, objects, folder.path())?;
        let mut environment = image.environment()?;
        environment.extend(variables(container, secrets)?);
        let user = &spec["securityContext"];
        let mounted: Vec<_> =
            mounts.iter().map(|mount| (mount.source.as_path(), mount.place.as_str(), mount.is_read_only)).collect();
        let mut command = image.command(&format!("{}:{}", user["runAsUser"], user["runAsGroup"]), &mounted)?;
        command.args(texts(&container["args"]));
        let log = folder.path().join("log");
        let output = File::create(&log)?;
        let process = command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("can't start the container")?;
        let lifeline = Lifeline::of(&process)?;
        Ok(Self { process, spec, log, _lifeline: lifeline, _folder: folder })
    }

    /// Waits until a probe is answered as Kubernetes wants it, for as long as Kubernetes would.
    ///
    /// # Errors
    /// If Kubernetes would restart the container, or keep traffic away from it.
    pub fn await_probe(&mut self, name: &str) -> Result<()> {
        let container = &self.spec["containers"][0];
        let probe = container[name].clone();
        let number = |key: &str| probe[key].as_u64().with_context(|| format!("{name} has no {key}"));
        let patience = Duration::from_secs(number("periodSeconds")? * number("failureThreshold")?);
        let path = probe["httpGet"]["path"].as_str().context("the probe has no path")?;
        let ports = container["ports"].as_array().context("the container has no ports")?;
        let port = ports
            .iter()
            .find(|port| port["name"] == probe["httpGet"]["port"])
            .context("the probe's port is unknown")?;
        let address: SocketAddr = format!("127.0.0.1:{}", port["containerPort"]).parse()?;
        let answered = await_until(&format!("the {name} of the pod"), patience, || {
            if let Some(status) = self.process.try_wait()? {
                bail!("the container ended: {status}");
            }
            Ok(get(address, path).is_ok_and(|(code, _)| (200..400).contains(&code)))
        });
        answered.with_context(|| self.said())
    }

    /// Ends it as a kubelet does, within the grace period.
    ///
    /// # Errors
    /// If a kubelet would kill it.
    pub fn end(mut self) -> Result<ExitStatus> {
        let grace = self.spec["terminationGracePeriodSeconds"].as_u64().context("no grace period")?;
        kill_process(Pid::from_raw(main_process(&self.process)?).context("no process")?, Signal::TERM)?;
        let mut ended = None;
        await_until("the container ends", Duration::from_secs(grace), || {
            ended = self.process.try_wait()?;
            Ok(ended.is_some())
        })?;
        ended.context("the container has not ended")
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _killed = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// The container's first process: where there is a namespace, the child of what made it.
fn main_process(process: &Child) -> Result<i32> {
    let id = process.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
    Ok(children.split_whitespace().next().map_or(Ok(id.try_into()?), str::parse)?)
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The container's variables, with the values of Secrets filled in.
fn variables(container: &Value, secrets: &Value) -> Result<Vec<(String, String)>> {
    let all = container["env"].as_array().context("the container has no env")?;
    let one = |variable: &Value| {
        let name = variable["name"].as_str().context("a variable without a name")?;
        let secret = &variable["valueFrom"]["secretKeyRef"];
        let value = match (&variable["value"], &secret["name"], &secret["key"]) {
            (Value::String(text), ..) => Some(text.as_str()),
            (_, Value::String(secret), Value::String(key)) => secrets[secret][key].as_str(),
            _ => None,
        };
        Ok((name.to_owned(), value.with_context(|| format!("{name} has no value"))?.to_owned()))
    };
    all.iter().map(one).collect()
}

fn mounts(spec: &Value, objects: &[Value], folder: &Path) -> Result<Vec<Mount>> {
    let all = spec["containers"][0]["volumeMounts"].as_array().context("the container has no volumeMounts")?;
    let one = |mount: &Value| {
        let (name, place) = (mount["name"].as_str(), mount["mountPath"].as_str());
        let (name, place) = name.zip(place).context("a mount without a name or a place")?;
        let volumes = spec["volumes"].as_array().context("the pod has no volumes")?;
        let volume = volumes.iter().find(|volume| volume["name"] == name).context("a mount without a volume")?;
        let source = folder.join("volumes").join(name);
        fs::create_dir_all(&source)?;
        fill(&source, volume, objects).with_context(|| format!("the volume {name}"))?;
        Ok(Mount { source, place: place.to_owned(), is_read_only: mount["readOnly"] == true })
    };
    all.iter().map(one).collect()
}

/// A ConfigMap's files, or an empty folder that every user may write to.
fn fill(source: &Path, volume: &Value, objects: &[Value]) -> Result<()> {
    if volume["emptyDir"].is_object() {
        return Ok(fs::set_permissions(source, Permissions::from_mode(0o1777))?);
    }
    let map = the(objects, "ConfigMap")?;
    ensure!(
        volume["configMap"]["name"] == map["metadata"]["name"],
        "it refers to another ConfigMap than {}",
        map["metadata"]["name"]
    );
    for item in volume["configMap"]["items"].as_array().context("it has no items")? {
        let (key, path) = item["key"].as_str().zip(item["path"].as_str()).context("an item without a key or a path")?;
        let text = map["data"][key].as_str().with_context(|| format!("the ConfigMap has no {key}"))?;
        fs::write(source.join(path), text)?;
    }
    Ok(())
}
