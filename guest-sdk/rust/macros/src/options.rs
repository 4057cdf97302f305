//! What may stand in `#[row(…)]`, on a struct and on a field, and in `#[transform(…)]`.

use syn::{
    Attribute, LitStr, Token, bracketed,
    meta::ParseNestedMeta,
    parenthesized,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

/// Options of a row: `#[row(table = "orders", partition_by = ["day"], key = ["id"], event_time = "at", format = "json")]`.
#[derive(Default)]
pub(crate) struct RowOptions {
    pub(crate) table: Option<LitStr>,
    pub(crate) partition_by: Vec<LitStr>,
    pub(crate) key: Vec<LitStr>,
    pub(crate) event_time: Option<LitStr>,
    pub(crate) properties: Vec<Property>,
    pub(crate) json: bool,
}

impl RowOptions {
    pub(crate) fn parse(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("row")) {
            attribute.parse_nested_meta(|option| options.take(&option))?;
        }
        Ok(options)
    }

    fn take(&mut self, option: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if option.path.is_ident("table") {
            self.table = Some(option.value()?.parse()?);
        } else if option.path.is_ident("partition_by") {
            self.partition_by = list(option)?;
        } else if option.path.is_ident("key") {
            self.key = list(option)?;
        } else if option.path.is_ident("event_time") {
            self.event_time = Some(option.value()?.parse()?);
        } else if option.path.is_ident("properties") {
            self.properties = list(option)?;
        } else if option.path.is_ident("format") {
            let format: LitStr = option.value()?.parse()?;
            self.json = match format.value().as_str() {
                "json" => true,
                "columns" => false,
                _ => return Err(syn::Error::new(format.span(), "a row's format is \"columns\" or \"json\"")),
            };
        } else {
            return Err(option.error(
                "unknown option: a row takes `table`, `partition_by`, `key`, `event_time`, `properties` and `format`",
            ));
        }
        Ok(())
    }
}

/// Options of a field: `#[row(rename = "order_id", properties = [("comment", "of the shop")])]`.
pub(crate) struct FieldOptions {
    /// The name of its column: the field's own, unless it is renamed.
    pub(crate) column: Option<String>,
    pub(crate) properties: Vec<Property>,
}

impl FieldOptions {
    pub(crate) fn parse(field: &syn::Field) -> syn::Result<Self> {
        use syn::ext::IdentExt as _;
        let column = field.ident.as_ref().map(|ident| ident.unraw().to_string());
        let mut options = Self { column, properties: Vec::new() };
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("row")) {
            attribute.parse_nested_meta(|option| {
                if option.path.is_ident("rename") {
                    options.column = Some(option.value()?.parse::<LitStr>()?.value());
                } else if option.path.is_ident("properties") {
                    options.properties = list(&option)?;
                } else {
                    return Err(option.error("unknown option: a field takes `rename` and `properties`"));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

/// Options of a transform: `#[transform(name = "…", version = "…")]`; without them the package's own.
#[derive(Default)]
pub(crate) struct TransformOptions {
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<LitStr>,
    pub(crate) properties: Vec<Property>,
}

impl TransformOptions {
    pub(crate) fn parse(tokens: proc_macro2::TokenStream) -> syn::Result<Self> {
        let mut options = Self::default();
        let parser = syn::meta::parser(|option| {
            if option.path.is_ident("name") {
                options.name = Some(option.value()?.parse()?);
            } else if option.path.is_ident("version") {
                options.version = Some(option.value()?.parse()?);
            } else if option.path.is_ident("properties") {
                options.properties = list(&option)?;
            } else {
                return Err(option.error("unknown option: a transform takes `name`, `version` and `properties`"));
            }
            Ok(())
        });
        syn::parse::Parser::parse2(parser, tokens)?;
        Ok(options)
    }
}

/// `("comment", "of the shop")`
pub(crate) struct Property {
    pub(crate) name: LitStr,
    pub(crate) value: LitStr,
}

impl Parse for Property {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let pair;
        parenthesized!(pair in input);
        let name = pair.parse()?;
        pair.parse::<Token![,]>()?;
        Ok(Self { name, value: pair.parse()? })
    }
}

/// The items of `option = [item, item]`.
fn list<T: Parse>(option: &ParseNestedMeta<'_>) -> syn::Result<Vec<T>> {
    let value = option.value()?;
    let items;
    bracketed!(items in value);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&items)?.into_iter().collect())
}
