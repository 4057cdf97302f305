//! What may stand in `#[row(…)]`, on a struct and on a field.

use syn::{Attribute, LitStr, Token, bracketed, punctuated::Punctuated};

/// Options of a row: `#[row(table = "orders", partition_by = ["day"], format = "json")]`.
#[derive(Default)]
pub(crate) struct RowOptions {
    pub(crate) table: Option<LitStr>,
    pub(crate) partition_by: Vec<LitStr>,
    pub(crate) json: bool,
}

impl RowOptions {
    pub(crate) fn parse(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("row")) {
            attribute.parse_nested_meta(|option| {
                if option.path.is_ident("table") {
                    options.table = Some(option.value()?.parse()?);
                } else if option.path.is_ident("partition_by") {
                    let value = option.value()?;
                    let names;
                    bracketed!(names in value);
                    options.partition_by =
                        Punctuated::<LitStr, Token![,]>::parse_terminated(&names)?.into_iter().collect();
                } else if option.path.is_ident("format") {
                    let format: LitStr = option.value()?.parse()?;
                    options.json = match format.value().as_str() {
                        "json" => true,
                        "columns" => false,
                        _ => return Err(syn::Error::new(format.span(), "a row's format is \"columns\" or \"json\"")),
                    };
                } else {
                    return Err(option.error("unknown option: a row takes `table`, `partition_by` and `format`"));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

/// The name of a field's column: `#[row(rename = "order_id")]`, or the field's own name.
pub(crate) fn column_name(field: &syn::Field) -> syn::Result<Option<String>> {
    use syn::ext::IdentExt as _;
    let mut name = field.ident.as_ref().map(|ident| ident.unraw().to_string());
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("row")) {
        attribute.parse_nested_meta(|option| {
            if !option.path.is_ident("rename") {
                return Err(option.error("unknown option: a field takes `rename`"));
            }
            name = Some(option.value()?.parse::<LitStr>()?.value());
            Ok(())
        })?;
    }
    Ok(name)
}
