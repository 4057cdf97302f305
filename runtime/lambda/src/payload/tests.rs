//! Events from AWS's documentation and test data: `tests/cases/events`.

use std::path::Path;

use super::*;

fn case(name: &str) -> String {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/events");
    std::fs::read_to_string(cases.join(name).with_extension("json")).unwrap()
}

fn records(json: &str) -> BTreeMap<TopicPartition, Vec<EventRecord>> {
    match serde_json::from_str(json).unwrap() {
        Payload::Records(records) => records,
        Payload::Drain => panic!("these are records"),
    }
}

fn refusal(json: &str) -> String {
    serde_json::from_str::<Payload>(json).unwrap_err().to_string()
}

#[test]
fn an_event_of_msk_is_read() {
    let records = records(&case("msk"));
    let [(partition, list)] = records.iter().collect::<Vec<_>>()[..] else { panic!("one partition") };
    assert_eq!(*partition, TopicPartition::new("mytopic", 0));
    let wanted = EventRecord {
        offset: 15,
        timestamp: 1_545_084_650_987,
        key: Some(BASE64.decode("abcDEFghiJKLmnoPQRstuVWXyz1234==").unwrap()),
        value: Some(b"Hello, this is a test.".to_vec()),
        headers: vec![(b"headerKey".to_vec(), Some(b"headerValue".to_vec()))],
    };
    assert_eq!(list, &[wanted]);
}

#[test]
fn an_event_of_self_managed_kafka_is_read() {
    let records = records(&case("self-managed"));
    assert_eq!(records.keys().map(ToString::to_string).collect::<Vec<_>>(), ["mytopic/0", "mytopic/1"]);
}

#[test]
fn nulls_gaps_and_signed_header_bytes_are_what_they_are() {
    let records = records(&case("sparse"));
    let list = &records[&TopicPartition::new("orders", 3)];
    assert_eq!((list[0].key.clone(), list[0].value.clone()), (None, None), "a tombstone");
    assert_eq!(
        (list[1].key.as_deref(), list[1].value.as_deref()),
        (Some(&b""[..]), Some(&b""[..])),
        "empty is not null"
    );
    assert_eq!((list[1].timestamp, list[1].headers.len()), (-1, 0));
    let headers = [
        (b"unsigned".to_vec(), Some(vec![0, 127, 128, 255])),
        (b"signed".to_vec(), Some(vec![0, 127, 128, 255])),
        (b"null".to_vec(), None),
        (b"unsigned".to_vec(), Some(vec![])),
    ];
    assert_eq!(list[2].headers, headers);
}

#[test]
fn a_schedule_means_to_drain() {
    for json in [&case("schedule"), r#"{"mode": "drain"}"#] {
        assert!(matches!(serde_json::from_str(json).unwrap(), Payload::Drain), "{json}");
    }
}

fn with(field: &str) -> String {
    format!(r#"{{"records": {{"t-0": [{{"topic": "t", "partition": 0, {field}}}]}}}}"#)
}

#[test]
fn foreign_payloads_are_refused_and_not_quoted() {
    for json in ["{}", r#"{"mode": "drian"}"#, r#"{"Records": [{"eventSource": "aws:sqs", "body": "hunter2"}]}"#] {
        assert!(refusal(json).contains("neither an event of Kafka"), "{json}");
    }
    assert!(refusal(&with(r#""value": "aGk=""#)).contains("offset"));
    for field in [
        r#""value": "hunter2!""#,
        r#""value": 4711"#,
        r#""key": {"hunter2": 4711}"#,
        r#""headers": [{"a": [300]}]"#,
        r#""headers": [{"a": "hunter2"}]"#,
        r#""headers": "hunter2""#,
    ] {
        let said = refusal(&with(&format!(r#""offset": 1, {field}"#)));
        assert!(!["hunter2", "300", "4711"].iter().any(|secret| said.contains(secret)), "{said}");
        assert!(said.contains("a key, value or header is not as Lambda writes it"), "{said}");
    }
}
