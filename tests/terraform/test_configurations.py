"""Step 1: formatting, `init`, `validate`. Step 2: right inputs are taken, wrong inputs are refused, and the sentence says
what is allowed."""

import re

import pytest

import examples
import inputs
import language
import mocked
import terraform
from workspace import SOURCE

MODULES = sorted(path.name for path in (SOURCE / "modules").iterdir() if path.is_dir())
EXAMPLES = sorted(path.name for path in (SOURCE / "examples").iterdir() if path.is_dir())
PLACES = [f"modules/{name}" for name in MODULES] + [f"examples/{name}" for name in EXAMPLES]
SAYS_WHAT_IS_ALLOWED = re.compile(r"\b(must|takes only)\b")


def test_everything_is_formatted():
    assert terraform.unformatted(SOURCE) == []


@pytest.fixture(scope="module")
def validated(workspace, beforehand):
    return beforehand(lambda place: terraform.validate(workspace.root / place), PLACES)


@pytest.mark.parametrize("place", PLACES)
def test_it_is_valid(validated, place):
    assert validated[place] == []


@pytest.fixture(scope="module")
def taken(workspace, beforehand):
    return beforehand(lambda module: with_right_inputs(workspace, module), MODULES)


def with_right_inputs(workspace, module):
    folder = workspace.copy(f"right-{module}").root / "modules" / module
    runs = [mocked.one_run("right", inputs.RIGHT[module], "apply")]
    has_switch = "create" in language.variables(folder)
    if has_switch:
        runs.append(mocked.one_run("nothing", inputs.RIGHT[module] | {"create": False}, "apply"))
    return has_switch, mocked.run(folder, runs)


@pytest.mark.parametrize("module", MODULES)
def test_right_inputs_are_taken_and_nothing_is_made_without_create(taken, module):
    has_switch, (results, complaints, states) = taken[module]
    assert complaints == [] and set(results.values()) == {"pass"}
    made = [list(mocked.resources(state["root_module"])) if "root_module" in state else [] for state in states]
    if has_switch:
        assert made[0] and not made[1]


@pytest.fixture(scope="module")
def refused(workspace, beforehand):
    # The largest first, so that the last to end is a small one.
    return beforehand(lambda module: with_wrong_inputs(workspace, module), sorted(MODULES, key=lambda name: (name != "lambda", name)))


def with_wrong_inputs(workspace, module):
    folder = workspace.copy(f"wrong-{module}").root / "modules" / module
    runs, pieces = [], {}
    for number, (of, path, value, piece, *others) in enumerate(inputs.WRONG):
        if of == module:
            pieces[f"wrong_{number}"] = piece
            by = [mocked.owner(folder, piece), *others]
            runs.append(mocked.one_run(f"wrong_{number}", inputs.changed(module, path, value), "plan", by))
    return pieces, mocked.run(folder, runs)


@pytest.mark.parametrize("module", MODULES)
def test_wrong_inputs_are_refused(refused, module):
    pieces, (results, complaints, _) = refused[module]
    assert results == {name: "pass" for name in pieces}, complaints
    # Newer versions show what they expected: then it has to be this very sentence.
    unsaid = [piece for piece in pieces.values() if not any(piece in complaint for complaint in complaints)]
    assert not complaints or not unsaid


def test_there_are_enough_wrong_inputs():
    assert len(inputs.WRONG) >= 40


@pytest.mark.parametrize("module", MODULES)
def test_each_validation_refuses_something(workspace, module):
    pieces = [piece for of, _, _, piece, *_ in inputs.WRONG if of == module]
    idle = [message for _, message in language.messages(workspace.root / "modules" / module)
            if not any(piece in message for piece in pieces)]
    assert idle == []


@pytest.mark.parametrize("place", PLACES)
def test_a_refusal_names_the_variable_and_what_is_allowed(workspace, place):
    for variable, message in language.messages(workspace.root / place):
        assert re.match(rf"{variable}(\.\w+)* ", message), message
        assert SAYS_WHAT_IS_ALLOWED.search(message), message


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_asks_for_five_variables(example):
    assert len(language.variables(SOURCE / "examples" / example)) == 5
    assert set(examples.INPUTS[example]) == set(language.variables(SOURCE / "examples" / example))
