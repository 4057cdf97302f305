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
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use sluicebox_pipeline::source::TopicIds;

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
    let request = DescribeTopics::new(client, &names, broker, timeout);
    // SAFETY: all pointers are of live objects that `request` owns; librdkafka copies the names and the options before
    // it returns, and the response comes through the queue.
    unsafe { c::rd_kafka_DescribeTopics(client.native_ptr(), request.topics, request.options, request.queue) };
    let wait_millis = i32::try_from((timeout + Duration::from_secs(1)).as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the queue lives until `request` is dropped.
    let response = TopicsDescribed(unsafe { c::rd_kafka_queue_poll(request.queue, wait_millis) });
    response.topic_ids()
}

/// A request, as librdkafka wants it; freed when dropped.
struct DescribeTopics {
    topics: *mut c::rd_kafka_TopicCollection_t,
    options: *mut c::rd_kafka_AdminOptions_t,
    queue: *mut c::rd_kafka_queue_t,
}

impl DescribeTopics {
    fn new<C: ClientContext>(client: &Client<C>, names: &[CString], broker: i32, timeout: Duration) -> Self {
        let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the client outlives the request; the names are NUL-terminated and are copied; a timeout or a broker
        // that is out of range leaves the default, and no error text is requested (null, length 0).
        unsafe {
            let topics = c::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            let options = c::rd_kafka_AdminOptions_new(
                client.native_ptr(),
                c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
            );
            c::rd_kafka_AdminOptions_set_request_timeout(options, timeout, ptr::null_mut(), 0);
            c::rd_kafka_AdminOptions_set_broker(options, broker, ptr::null_mut(), 0);
            Self { topics, options, queue: c::rd_kafka_queue_new(client.native_ptr()) }
        }
    }
}

impl Drop for DescribeTopics {
    fn drop(&mut self) {
        // SAFETY: each was made by `new` and is freed once. librdkafka keeps the queue itself until a late response is in.
        unsafe {
            c::rd_kafka_TopicCollection_destroy(self.topics);
            c::rd_kafka_AdminOptions_destroy(self.options);
            c::rd_kafka_queue_destroy(self.queue);
        }
    }
}

/// The response: null if none came in time; freed when dropped.
struct TopicsDescribed(*mut c::rd_kafka_event_t);

impl TopicsDescribed {
    fn topic_ids(&self) -> Result<TopicIds, KafkaError> {
        if self.0.is_null() {
            return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut));
        }
        // SAFETY: the event is not null and lives as long as `self`; what it holds, the topics' descriptions with their
        // names and ids, lives as long as the event and is copied here. `count` says how many there are.
        unsafe {
            match c::rd_kafka_event_error(self.0) {
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => {}
                // Brokers, or mocks of them, that do not know the request.
                RDKafkaRespErr::RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE => return Ok(TopicIds::new()),
                error => return Err(KafkaError::MetadataFetch(error.into())),
            }
            let result = c::rd_kafka_event_DescribeTopics_result(self.0);
            let mut count = 0;
            let topics = c::rd_kafka_DescribeTopics_result_topics(result, &mut count);
            if topics.is_null() {
                return Ok(TopicIds::new());
            }
            let topics = std::slice::from_raw_parts(topics, count);
            Ok(topics.iter().filter_map(|topic| described(*topic)).collect())
        }
    }
}

impl Drop for TopicsDescribed {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: it is this value's own, and freed once.
            unsafe { c::rd_kafka_event_destroy(self.0) }
        }
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
