"""Step 4: checkov. Step 5: READMEs and the rules of style."""

import pytest

import language
import readme
import scan
import style
from test_configurations import PLACES
from workspace import SOURCE


@pytest.mark.skipif(not scan.is_there(), reason="checkov could not be fetched")
def test_checkov_finds_nothing_without_a_reason(scans):
    assert scan.complaints(scans["right"]) == []


@pytest.mark.parametrize("place", PLACES)
def test_the_tables_of_the_readme_are_current(place, request):
    if request.config.getoption("--write-tables"):
        readme.write(SOURCE / place)
    assert not readme.stale(SOURCE / place), "make them with: tests/terraform/run --write-tables"


@pytest.mark.parametrize("place", PLACES)
def test_the_rules_of_style_are_kept(place):
    assert style.complaints(SOURCE / place, place.startswith("modules/")) == []


@pytest.mark.parametrize("place", PLACES)
def test_no_key_of_a_pipeline_is_misspelt(place):
    assert list(style.misspelt(SOURCE / place, pipeline_type("pipeline"))) == []


@pytest.mark.parametrize("module", ["lambda", "service"])
def test_the_pipeline_has_one_type(module):
    assert pipeline_type(module) == pipeline_type("pipeline")


def pipeline_type(module):
    return language.argument(language.block_text(SOURCE / "modules" / module, "variable", "pipeline"), "type")
