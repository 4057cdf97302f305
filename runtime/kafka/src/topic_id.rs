//! Topic ids. Brokers since Kafka 2.8 give each topic an id of its own (KIP-516), which tells a recreated topic from the old
//! one. librdkafka has the request (`DescribeTopics`), rust-rdkafka does not wrap it; this module does, and nothing else.

#![expect(unsafe_code, reason = "rust-rdkafka does not wrap DescribeTopics of librdkafka")]

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;
use sluicebox_pipeline::source::TopicIds;

use crate::admin::{AdminRequest, Answer};

/// Asks a broker for the ids of these topics, as numbers that a ledger can hold. A topic that does not exist is left out;
/// the result is empty where the brokers have no topic ids.
///
/// By default, librdkafka would ask the controller, which may be unreachable, or missing (in its own mock cluster). Any
/// broker knows the ids, so this asks the broker that has just answered a metadata request.
pub(super) fn topic_ids<C: ClientContext>(
    client: &Client<C>,
    topics: &BTreeSet<Arc<str>>,
    timeout: Duration,
) -> Result<TopicIds, KafkaError> {
    let Some(any) = topics.first() else {
        return Ok(TopicIds::new());
    };
    let broker = client.fetch_metadata(Some(any), timeout)?.orig_broker_id();
    let names: Vec<CString> = topics.iter().filter_map(|topic| CString::new(&**topic).ok()).collect();
    let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    let request = AdminRequest::new(client, c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout);
    // SAFETY: all pointers are of live objects that this function owns. A broker that is out of range leaves the default.
    // librdkafka copies the NUL-terminated names and the options before it returns; the collection is freed once.
    unsafe {
        c::rd_kafka_AdminOptions_set_broker(request.options, broker, ptr::null_mut(), 0);
        let collection = c::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        c::rd_kafka_DescribeTopics(client.native_ptr(), collection, request.options, request.queue);
        c::rd_kafka_TopicCollection_destroy(collection);
    }
    described_topics(&request.answer()?)
}

fn described_topics(answer: &Answer) -> Result<TopicIds, KafkaError> {
    match answer.error() {
        None => {}
        // Brokers, or mocks of them, that do not know the request.
        Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE) => return Ok(TopicIds::new()),
        Some(error) => return Err(KafkaError::MetadataFetch(error.into())),
    }
    // SAFETY: what the answer holds, the topics' descriptions with their names and ids, lives as long as the answer and is
    // copied here. `count` says how many there are.
    unsafe {
        let result = c::rd_kafka_event_DescribeTopics_result(answer.event());
        let mut count = 0;
        let topics = c::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        if topics.is_null() {
            return Ok(TopicIds::new());
        }
        let topics = std::slice::from_raw_parts(topics, count);
        Ok(topics.iter().filter_map(|topic| described(*topic)).collect())
    }
}

/// A topic's name and id; none if it has no id, or does not exist.
///
/// # Safety
/// `topic` belongs to a live event.
unsafe fn described(topic: *const c::rd_kafka_TopicDescription_t) -> Option<(Arc<str>, i64)> {
    // SAFETY: name and id are the description's own, and are read while it lives.
    let (name, high, low) = unsafe {
        let id = c::rd_kafka_TopicDescription_topic_id(topic);
        if id.is_null() {
            return None;
        }
        (
            CStr::from_ptr(c::rd_kafka_TopicDescription_name(topic)).to_str().ok()?,
            c::rd_kafka_Uuid_most_significant_bits(id),
            c::rd_kafka_Uuid_least_significant_bits(id),
        )
    };
    // All zeroes means "no id". A ledger holds no negative numbers; ids are random, so any 63 bits of both halves will do.
    ((high, low) != (0, 0)).then(|| (Arc::from(name), (high ^ low.rotate_left(32)) & i64::MAX))
}
