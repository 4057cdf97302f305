//! The headers of a record, byte for byte. Kafka allows any bytes in a header's name; rust-rdkafka panics where they are not
//! UTF-8, so this asks librdkafka itself.

#![expect(unsafe_code, reason = "rust-rdkafka panics at a header name that is not UTF-8 (`BorrowedHeaders::try_get`)")]

use std::ffi::CStr;
use std::ptr;

use rdkafka::bindings as c;
use rdkafka::error::IsError as _;
use rdkafka::message::BorrowedMessage;

/// Name and value of each header, in order. librdkafka ends a name at its first NUL.
pub(crate) fn headers<'m>(message: &'m BorrowedMessage<'_>) -> impl Iterator<Item = (&'m [u8], Option<&'m [u8]>)> {
    let mut list = ptr::null_mut();
    // SAFETY: the message is alive, and the list that librdkafka returns is the message's own, as long as that is borrowed.
    let count = unsafe {
        let found = c::rd_kafka_message_headers(message.ptr(), &mut list);
        if found.is_error() || list.is_null() { 0 } else { c::rd_kafka_header_cnt(list) }
    };
    (0..count).map_while(move |index| {
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the list lives as long as the message is borrowed, and so do the NUL-terminated name and the `size` bytes
        // of the value, which is null for a header without one.
        unsafe {
            let found = c::rd_kafka_header_get_all(list, index, &mut name, &mut value, &mut size);
            if found.is_error() {
                return None;
            }
            let value = (!value.is_null()).then(|| std::slice::from_raw_parts(value.cast::<u8>(), size));
            Some((CStr::from_ptr(name).to_bytes(), value))
        }
    })
}
