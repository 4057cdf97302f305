//! `#[transform]`: the function stays as it is; beside it comes a type of the same name that implements
//! `sluicebox::Transform`, and, in a guest, the component's exports.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, FnArg, ItemFn, LitStr, ReturnType, Type, spanned::Spanned};

use crate::lifetimes::made_static;

pub(crate) fn expand(options: TokenStream, function: TokenStream) -> syn::Result<TokenStream> {
    let options = Options::parse(options)?;
    let function: ItemFn = syn::parse2(function)?;
    refuse_what_cannot_run(&function)?;
    let ReturnType::Type(_, returned) = &function.sig.output else {
        return Err(Error::new(
            function.sig.span(),
            "a transform returns a row: `-> Row`, `Option`, `Vec`, `Result<_, Reject>` of it",
        ));
    };

    let (visibility, name) = (&function.vis, &function.sig.ident);
    let parameters = function.sig.inputs.iter().map(Parameter::of).collect::<syn::Result<Vec<_>>>()?;
    let arguments = parameters.iter().map(Parameter::argument);
    let configuration = configuration_of(&parameters)?;
    let returned = made_static(returned);
    let transform_name = options.name.map_or_else(|| quote!(env!("CARGO_PKG_NAME")), |name| quote!(#name));
    let version = options.version.map_or_else(|| quote!(env!("CARGO_PKG_VERSION")), |version| quote!(#version));
    let doc = format!("The transform [`{name}`](fn@{name}): what the host runs, and what tests name.");
    let exported = format_ident!("{name}");

    Ok(quote! {
        #function

        #[doc = #doc]
        #[expect(non_camel_case_types, reason = "named like the function that it runs")]
        #visibility struct #name {
            configuration: #configuration,
        }

        impl ::sluicebox::Transform for #name {
            fn describe() -> ::sluicebox::description::Description {
                ::sluicebox::transform::describe::<#returned, #configuration>(#transform_name, #version)
            }

            fn configure(configuration: &str) -> ::core::result::Result<Self, ::sluicebox::configuration::Error> {
                ::core::result::Result::Ok(Self { configuration: ::sluicebox::configuration::read(configuration)? })
            }

            fn process(&self, batch: &::sluicebox::batch::Batch) -> ::sluicebox::outcome::Outcome {
                ::sluicebox::transform::process(batch, |record| {
                    ::sluicebox::IntoRows::into_rows(#name(#(#arguments),*))
                })
            }
        }

        #[cfg(target_arch = "wasm32")]
        ::sluicebox::export_transform!(#exported);
    })
}

/// `#[transform(name = "…", version = "…")]`; without them the package's own.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    version: Option<LitStr>,
}

impl Options {
    fn parse(tokens: TokenStream) -> syn::Result<Self> {
        let mut options = Self::default();
        let parser = syn::meta::parser(|option| {
            if option.path.is_ident("name") {
                options.name = Some(option.value()?.parse()?);
            } else if option.path.is_ident("version") {
                options.version = Some(option.value()?.parse()?);
            } else {
                return Err(option.error("unknown option: a transform takes `name` and `version`"));
            }
            Ok(())
        });
        syn::parse::Parser::parse2(parser, tokens)?;
        Ok(options)
    }
}

/// Where an argument of the function comes from.
enum Parameter {
    /// `&Record`
    Record,
    /// `&Settings`: any other reference is the configuration.
    Configuration(Box<Type>),
    /// Anything else reads itself from the record.
    Extracted,
}

impl Parameter {
    fn of(argument: &FnArg) -> syn::Result<Self> {
        let FnArg::Typed(parameter) = argument else {
            return Err(Error::new(argument.span(), "a transform is a free function, without `self`"));
        };
        let Type::Reference(reference) = &*parameter.ty else { return Ok(Self::Extracted) };
        if reference.mutability.is_some() {
            return Err(Error::new(
                reference.span(),
                "nothing may be carried from one record to the next: take `&`, not `&mut`",
            ));
        }
        let is_record = matches!(&*reference.elem, Type::Path(path)
            if path.path.segments.last().is_some_and(|segment| segment.ident == "Record"));
        Ok(if is_record { Self::Record } else { Self::Configuration(reference.elem.clone()) })
    }

    fn argument(&self) -> TokenStream {
        match self {
            Self::Record => quote!(&record),
            Self::Configuration(_) => quote!(&self.configuration),
            Self::Extracted => quote!(::sluicebox::FromRecord::from_record(record)?),
        }
    }
}

fn configuration_of(parameters: &[Parameter]) -> syn::Result<TokenStream> {
    let mut types = parameters.iter().filter_map(|parameter| match parameter {
        Parameter::Configuration(settings) => Some(settings),
        Parameter::Record | Parameter::Extracted => None,
    });
    match (types.next(), types.next()) {
        (None, _) => Ok(quote!(::sluicebox::configuration::Nothing)),
        (Some(settings), None) => Ok(quote!(#settings)),
        (Some(_), Some(second)) => Err(Error::new(
            second.span(),
            "a transform has one configuration: only one parameter may be a reference to settings",
        )),
    }
}

fn refuse_what_cannot_run(function: &ItemFn) -> syn::Result<()> {
    let signature = &function.sig;
    if let Some(keyword) = &signature.asyncness {
        return Err(Error::new(
            keyword.span(),
            "a transform is a pure function of its record: it has nothing to await",
        ));
    }
    if let Some(parameter) = signature.generics.type_params().next() {
        return Err(Error::new(parameter.span(), "a transform names its types: the tables' columns follow from them"));
    }
    if signature.inputs.is_empty() {
        return Err(Error::new(
            signature.paren_token.span.span(),
            "a transform takes what it reads, such as `order: Json<Order>`",
        ));
    }
    Ok(())
}
