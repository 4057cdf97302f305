//! The examples' functions: the zip, the environment and the mapping of the plan, behind an emulator of Lambda.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::lambda::misfortune::Fate;
use sluicebox_tests::lambda::poller::{Mapping, Poller};
use sluicebox_tests::lambda::{Function, package};
use sluicebox_tests::place;
use sluicebox_tests::rendered::{terraform, the};
use sluicebox_tests::s3::S3;

use crate::orders;

const RECORDS: usize = 400;

/// A function, its mapping and its buckets, as Terraform plans them.
struct Plan {
    buckets: Vec<String>,
    function: Value,
    mapping: Value,
    document: Value,
}

impl Plan {
    fn of(example: &str, variables: &Value, answers: &Value) -> Result<Self> {
        let resources = terraform(example, variables, answers)?;
        let [function, mapping] = ["aws_lambda_function", "aws_lambda_event_source_mapping"]
            .map(|kind| the(&resources, kind).map(|resource| resource["planned"].clone()));
        let function = function?;
        let document = function["environment"][0]["variables"]["SLUICEBOX_PIPELINE"].as_str();
        let document = serde_json::from_str(document.context("the function has no document")?)?;
        let buckets = resources.iter().filter(|resource| resource["type"] == "aws_s3_bucket");
        let buckets =
            buckets.map(|bucket| Ok(text(&bucket["planned"]["bucket"])?.to_owned())).collect::<Result<_>>()?;
        Ok(Self { buckets, function, mapping: mapping?, document })
    }

    /// The zip's binary with the plan's variables, and with what Lambda itself sets.
    fn deploy(&self, store: &S3, folder: &Path) -> Result<Function> {
        let zip = PathBuf::from(text(&self.function["filename"])?);
        ensure!(package::digest(&zip)? == text(&self.function["source_code_hash"])?, "the plan is not for this zip");
        let task = folder.join("task");
        let binary = package::unpack(&zip, &task, text(&self.function["handler"])?)?;
        let mut variables = store.environment();
        for (name, value) in self.function["environment"][0]["variables"].as_object().context("no variables")? {
            ensure!(!name.starts_with("AWS_"), "{name} is Lambda's own");
            variables.push((name.clone(), text(value)?.to_owned()));
        }
        variables.push(("AWS_LAMBDA_FUNCTION_NAME".to_owned(), text(&self.function["function_name"])?.to_owned()));
        variables.push(("AWS_LAMBDA_FUNCTION_MEMORY_SIZE".to_owned(), self.function["memory_size"].to_string()));
        variables.push(("LAMBDA_TASK_ROOT".to_owned(), task.display().to_string()));
        Function::new(binary, variables, folder.join("log"))
    }

    /// The consumer group of the mapping, whichever kind of brokers it is for.
    fn group(&self) -> Result<&str> {
        let configurations = ["amazon_managed_kafka_event_source_config", "self_managed_kafka_event_source_config"];
        let groups = configurations.map(|kind| self.mapping[kind][0]["consumer_group_id"].as_str());
        groups.into_iter().flatten().next().context("the mapping has no group")
    }
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("{value} is not a text"))
}

/// Feeds the topic `name`, and lets the planned mapping deliver it to the planned function.
fn play(example: &str, name: &str, variables: &Value, answers: &Value) -> Result<()> {
    let (cluster, store, folder) = (Cluster::shared()?, S3::shared()?, tempfile::tempdir()?);
    let mut variables = variables.clone();
    variables["name"] = json!(name);
    variables["topic"] = json!(name);
    variables["package"] = json!(package::pack(&place::bootstrap()?, folder.path())?);
    let plan = Plan::of(example, &variables, answers)?;
    plan.buckets.iter().try_for_each(|bucket| store.make_bucket(bucket))?;
    super::publish(store, folder.path(), &plan.document)?;
    let feed = orders::feed(name, RECORDS);
    feed.produce(cluster)?;

    let function = plan.deploy(store, folder.path())?;
    assert_eq!((&plan.mapping["starting_position"], &plan.mapping["topics"]), (&json!("TRIM_HORIZON"), &json!([name])));
    let mapping = Mapping {
        topic: name,
        group: plan.group()?,
        batch_records_max: plan.mapping["batch_size"].as_u64().context("no batch size")? as usize,
        bisects: plan.mapping["bisect_batch_on_function_error"] == true,
    };
    let fate = Fate::kind();
    let partitions: Vec<_> = (0..orders::PARTITIONS).collect();
    let account = Poller::new(cluster, &mapping, &partitions, &function, &fate)?.run(|records| records == RECORDS)?;
    ensure!(account.failures == 0 && function.cold_starts() == 1, "{account:?}\n{}", function.log()?);
    super::ensure_taken_in(store, folder.path(), &plan.document, &feed)
        .with_context(|| function.log().unwrap_or_default())
}

/// The function itself reaches no broker, as no role here gives it a token: the events alone feed it.
#[test]
fn an_event_goes_through_the_function_of_lambda_msk() -> Result<()> {
    needs!(kafka, s3, readers, terraform);
    let cluster = "arn:aws:kafka:eu-central-1:123456789012:cluster/orders/0b1c2d3e-0000-4000-8000-000000000002-2";
    let variables = json!({"cluster_arn": cluster, "transform": "orders@prod"});
    let answers = json!({"data.aws_msk_cluster.this": {
        "bootstrap_brokers_sasl_iam": Cluster::shared()?.bootstrap(),
        "broker_node_group_info": [{"client_subnets": ["subnet-0a"], "security_groups": ["sg-0123456789abcdef0"]}],
    }});
    play("lambda-msk", "planned-msk", &variables, &answers)
}

#[test]
fn an_event_goes_through_the_function_of_lambda_self_managed() -> Result<()> {
    needs!(kafka, s3, readers, terraform);
    let brokers: Vec<_> = Cluster::shared()?.bootstrap().split(',').collect();
    let secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:brokers-AbCdEf";
    play("lambda-self-managed", "planned-own", &json!({"brokers": brokers, "secret_arn": secret}), &json!({}))
}
