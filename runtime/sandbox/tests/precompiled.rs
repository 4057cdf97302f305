//! What was compiled beforehand runs as what is compiled here does, and nothing else runs.
#![cfg(feature = "compiler")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod guest;

use std::path::Path;

use guest::{batch, component, sandbox, transform};
use sluicebox_sandbox::{Forms, Limits, Metering, Outcome, Target, Transform};

fn here() -> Target {
    Target::here().expect("a machine that transforms are compiled for")
}

fn forms(target: Target) -> Forms {
    sandbox().precompile(&transform(&Limits::default()), target).unwrap()
}

fn load(forms: Forms, limits: &Limits) -> Transform {
    let wasm = std::fs::read(component()).unwrap();
    sandbox().load_precompiled(Path::new("misbehaving"), wasm, limits, forms, None).unwrap()
}

/// Something to emit, to filter, to panic at, and to run into the fuel's end, which only the exact engine can say.
fn judged(transform: &Transform) -> Outcome {
    let values = ["good", "panic", "loop", "good", "panic-without-words"];
    transform.worker("{}").unwrap().process(&batch(values)).unwrap()
}

fn codes(outcome: &Outcome) -> Vec<&str> {
    outcome.rejections.iter().map(|rejection| rejection.code.as_str()).collect()
}

#[test]
fn both_forms_judge_as_the_compiler_does() {
    // Little fuel, so that the loop ends soon, and the longest call that `Limits::check` allows with it.
    let limits = Limits {
        record_fuel_max: 200_000_000,
        call_duration_max: std::time::Duration::from_millis(10),
        ..Limits::default()
    };
    let precompiled = load(forms(here()), &limits);
    assert!(precompiled.is_precompiled());
    let compiled = transform(&limits);
    assert!(!compiled.is_precompiled());
    let (ours, theirs) = (judged(&precompiled), judged(&compiled));
    assert_eq!(ours.verdicts, theirs.verdicts);
    assert_eq!(codes(&ours), codes(&theirs));
    assert!(codes(&ours).contains(&"limit_fuel"), "{:?}", codes(&ours));
}

#[test]
fn the_same_component_gives_the_same_code() {
    for target in Target::ALL {
        let (one, other) = (forms(target), forms(target));
        for metering in Metering::ALL {
            assert_eq!(one.of(metering), other.of(metering), "{target} {metering}");
        }
        assert_ne!(one.of(Metering::Epochs), one.of(Metering::Fuel));
    }
}

#[test]
fn the_size_of_the_stack_is_not_compiled_in() {
    for stack_bytes_max in [64 << 10, 1 << 20] {
        let limits = Limits { stack_bytes_max, ..Limits::default() };
        assert!(load(forms(here()), &limits).is_precompiled(), "{stack_bytes_max}");
    }
}

#[test]
fn what_is_for_another_processor_or_engine_is_compiled_here_instead() {
    let other = Target::ALL.into_iter().find(|target| *target != here()).unwrap();
    assert!(!load(forms(other), &Limits::default()).is_precompiled());

    // A form says how it is metered, so that the engine notices a form in the wrong place.
    let right = forms(here());
    let (epochs, fuel) = (right.of(Metering::Epochs).clone(), right.of(Metering::Fuel).clone());
    #[expect(unsafe_code, reason = "code of our own, in the wrong places")]
    // SAFETY: it was compiled just now, by us, from that component.
    let swapped = unsafe { Forms::from_trusted(fuel, epochs) };
    assert!(!load(swapped, &Limits::default()).is_precompiled());
}

#[test]
fn the_features_of_the_processor_are_written_into_the_code() {
    for target in Target::ALL {
        let forms = forms(target);
        for feature in target.cpu_features() {
            let has = forms.of(Metering::Epochs).windows(feature.len()).any(|bytes| bytes == feature.as_bytes());
            assert!(has, "{target}: {feature}");
        }
    }
}
