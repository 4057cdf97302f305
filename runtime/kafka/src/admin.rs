//! Requests of librdkafka's admin interface that rust-rdkafka does not wrap: the options and the queue that each needs. What
//! is asked and what comes back is [`topic_id`](crate::topic_id)'s and [`list_offsets`](crate::list_offsets)'s own.

#![expect(unsafe_code, reason = "rust-rdkafka wraps neither DescribeTopics nor ListOffsets of librdkafka")]

use std::ptr;
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

/// Options and queue of a request, freed when dropped.
pub(crate) struct AdminRequest {
    pub(crate) options: *mut c::rd_kafka_AdminOptions_t,
    pub(crate) queue: *mut c::rd_kafka_queue_t,
    timeout: Duration,
}

impl AdminRequest {
    pub(crate) fn new<C: ClientContext>(client: &Client<C>, what: c::rd_kafka_admin_op_t, timeout: Duration) -> Self {
        let timeout_millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the client outlives the request; a timeout that is out of range leaves the default, and no error text is
        // requested (null, length 0).
        unsafe {
            let options = c::rd_kafka_AdminOptions_new(client.native_ptr(), what);
            c::rd_kafka_AdminOptions_set_request_timeout(options, timeout_millis, ptr::null_mut(), 0);
            Self { options, queue: c::rd_kafka_queue_new(client.native_ptr()), timeout }
        }
    }

    /// Waits for the answer to what was sent with these options to this queue.
    pub(crate) fn answer(&self) -> Result<Answer, KafkaError> {
        let wait_millis = i32::try_from((self.timeout + Duration::from_secs(1)).as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue lives until `self` is dropped.
        let event = unsafe { c::rd_kafka_queue_poll(self.queue, wait_millis) };
        if event.is_null() {
            Err(KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut))
        } else {
            Ok(Answer(event))
        }
    }
}

impl Drop for AdminRequest {
    fn drop(&mut self) {
        // SAFETY: each was made by `new` and is freed once. librdkafka keeps the queue itself until a late response is in.
        unsafe {
            c::rd_kafka_AdminOptions_destroy(self.options);
            c::rd_kafka_queue_destroy(self.queue);
        }
    }
}

/// An answer, never null; freed when dropped.
pub(crate) struct Answer(*mut c::rd_kafka_event_t);

impl Answer {
    pub(crate) fn event(&self) -> *mut c::rd_kafka_event_t {
        self.0
    }

    /// Why there is no result, if there is none.
    pub(crate) fn error(&self) -> Option<RDKafkaRespErr> {
        // SAFETY: the event is not null and lives as long as `self`.
        let error = unsafe { c::rd_kafka_event_error(self.0) };
        (error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then_some(error)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: it is this value's own, and freed once.
        unsafe { c::rd_kafka_event_destroy(self.0) }
    }
}
