//! `clean-orders`, with a switch: a record may ask for the transform to loop for ever, to eat memory or to panic. The demo
//! shows with it that misbehaviour costs the one record, and nothing else.

#[path = "../../clean-orders/src/order.rs"]
mod order;

use sluicebox::prelude::*;

use order::{CleanOrder, Order};

/// What a record may ask for: `"poison": "loop"`.
#[derive(Debug, Deserialize)]
pub struct Switch {
    #[serde(default)]
    poison: Option<Poison>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Poison {
    Loop,
    Memory,
    Panic,
}

/// Cleans one order, unless it is poison.
#[transform]
pub fn clean<'r>(switch: Json<Switch>, order: Json<Order<'r>>) -> Result<Option<CleanOrder<'r>>, Reject> {
    match switch.0.poison {
        Some(poison) => poison.act(),
        None => order::clean(order.0),
    }
}

impl Poison {
    #[expect(clippy::panic, reason = "that is what it is for")]
    fn act(self) -> ! {
        match self {
            Self::Loop => loop {
                std::hint::black_box(());
            },
            Self::Memory => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
                }
            }
            Self::Panic => panic!("this order is poison"),
        }
    }
}

#[cfg(test)]
mod tests {
    use sluicebox::testing::{Runner, check_cases, rejected};

    use super::clean;

    #[test]
    fn orders_without_poison_come_out_as_from_clean_orders() {
        check_cases::<clean>(concat!(env!("CARGO_MANIFEST_DIR"), "/../clean-orders/cases"));
    }

    #[test]
    fn an_unknown_poison_is_a_reason_to_reject() {
        assert_eq!(Runner::<clean>::new().run(r#"{"poison": "sleep"}"#), rejected("invalid_record", "poison"));
    }

    #[test]
    #[should_panic(expected = "this order is poison")]
    fn poison_works() {
        let order = r#"{"poison":"panic","id":"o","customer":"c","amount":1,"currency":"EUR","placed_at":"2024-03-01T00:30:00Z"}"#;
        drop(Runner::<clean>::new().run(order));
    }
}
