//! What `derive(Row)` makes of names, and of mistakes.

use quote::quote;

use super::{expand, snake_case};

#[test]
fn tables_are_named_in_snake_case() {
    assert_eq!(snake_case("CleanOrder"), "clean_order");
    assert_eq!(snake_case("Row"), "row");
}

#[test]
fn mistakes_are_named() {
    let message = |item| expand(item).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(
        message(quote!(
            #[row(partition_by = ["day"])]
            struct Order {
                id: i64,
            }
        )),
        Err("no column of this row has that name".to_owned())
    );
    for option in [quote!(key = ["day"]), quote!(event_time = "day")] {
        let item = quote!(
            #[row(#option)]
            struct Order {
                id: i64,
            }
        );
        assert_eq!(message(item), Err("no column of this row has that name".to_owned()));
    }
    assert_eq!(
        message(quote!(
            #[row(tabel = "orders")]
            struct Order {
                id: i64,
            }
        )),
        Err("unknown option: a row takes `table`, `partition_by`, `key`, `event_time`, `properties` and `format`"
            .to_owned())
    );
    assert!(
        message(quote!(
            struct Order(i64);
        ))
        .is_err()
    );
    assert!(
        message(quote!(
            struct Order<T> {
                id: T,
            }
        ))
        .is_err()
    );
    assert_eq!(
        message(quote!(
            struct Order<'a> {
                id: &'a str,
            }
        )),
        Ok(())
    );
}
