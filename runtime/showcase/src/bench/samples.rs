//! The sample transforms, linked natively, and records for each of them.

use std::hint::black_box;

use serde_json::json;
use sluicebox::Transform;
use sluicebox::batch::Batch;

use crate::orders;

/// A transform that has been configured: a batch in, the outcome dropped.
pub(super) type Native = Box<dyn Fn(&Batch)>;

/// A sample transform.
pub(super) struct Sample {
    /// Its folder in `sample-transforms/`.
    pub(super) name: &'static str,
    /// A JSON object.
    pub(super) configuration: &'static str,
    /// The value of a record that it does not reject.
    pub(super) record: fn(usize) -> Vec<u8>,
    /// Configures it natively.
    pub(super) native: fn(&str) -> Result<Native, String>,
}

/// All samples.
pub(super) fn all() -> Vec<Sample> {
    vec![
        Sample {
            name: "clean-orders",
            configuration: "{}",
            record: orders::good,
            native: native::<clean_orders::clean>,
        },
        Sample {
            name: "flatten-clicks",
            configuration: "{}",
            record: session,
            native: native::<flatten_clicks::flatten>,
        },
        Sample {
            name: "mask-pii",
            configuration: r#"{"salt": "not a secret, only long"}"#,
            record: message,
            native: native::<mask_pii::mask>,
        },
        Sample {
            name: "split-invoices",
            configuration: "{}",
            record: invoice,
            native: native::<split_invoices::split>,
        },
    ]
}

/// A session with three clicks.
fn session(index: usize) -> Vec<u8> {
    let clicks = [("/", 0), ("/basket", 20), ("/pay", 40)].map(|(page, second)| {
        json!({
            "page": page,
            "at": format!("2024-03-01T12:{:02}:{second:02}.5Z", index % 60),
            "dwell_milliseconds": index % 5000,
            "labels": ["spring"],
        })
    });
    let session = json!({
        "id": format!("s-{index:06}"),
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/125.0",
        "visitor": { "id": format!("v-{index}"), "country": "DE" },
        "clicks": clicks,
    });
    session.to_string().into_bytes()
}

/// A message with something to mask.
fn message(index: usize) -> Vec<u8> {
    let message = json!({
        "id": format!("m-{index:06}"),
        "email": format!("ada.{index}@example.com"),
        "phone": "+49 30 1234567",
        "text": "My card 4111 1111 1111 1111 was charged twice; write to ada@example.com or call 030-1234567.",
    });
    message.to_string().into_bytes()
}

/// An invoice with two lines that add up.
fn invoice(index: usize) -> Vec<u8> {
    let quantity = index % 100 + 1;
    let invoice = json!({
        "customer": format!("Ada Ltd {}", index % 1000),
        "issued_on": format!("2024-03-{:02}", index % 28 + 1),
        "total": format!("{}.50", quantity + 10),
        "lines": [
            { "article": "pen", "quantity": quantity, "unit_price": "1.00" },
            { "article": "ink", "quantity": 1, "unit_price": "10.50" },
        ],
    });
    invoice.to_string().into_bytes()
}

fn native<T: Transform + 'static>(configuration: &str) -> Result<Native, String> {
    let transform = T::configure(configuration).map_err(|error| error.to_string())?;
    Ok(Box::new(move |batch| {
        black_box(transform.process(black_box(batch)));
    }))
}
