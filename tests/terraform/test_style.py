"""Step 4: checkov. Step 5: READMEs and the rules of style."""

import pytest

import language
import readme
import scan
import style
from test_configurations import PLACES
from workspace import SOURCE, Workspace


@pytest.mark.skipif(not scan.is_there(), reason="checkov could not be fetched")
def test_checkov_finds_nothing_without_a_reason(scans):
    assert scan.complaints(scans, "right") == []


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


# Mistakes in a copy of modules/storage, and what has to be said of them.
MISTAKES = {
    "count": ("main.tf", "  for_each = local.buckets\n\n  bucket        =", "  count = 3\n\n  bucket        =", "uses count"),
    "anything": ("variables.tf", "  type        = map(string)", "  type        = any", "takes anything"),
    "no type": ("variables.tf", "  type        = map(string)\n", "", "has no type"),
    "no description": ("outputs.tf", '  description = "The buckets\' ARNs, by kind."\n', "", "has no description"),
    "unused": ("main.tf", "locals {\n", "locals {\n  idle = 1\n", "local.idle is used nowhere"),
    "no reason": ("main.tf", "CKV_AWS_18:The account decides about access logs; CloudTrail's data events show the same and more",
                  "CKV_AWS_18", "without a reason"),
    "provider": ("versions.tf", "terraform {", 'provider "aws" {}\n\nterraform {', "has a provider block"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_style_is_seen(mistake):
    file, old, new, said = MISTAKES[mistake]
    copy = Workspace("style")
    copy.edit(f"modules/storage/{file}", old, new)
    folder = copy.root / "modules" / "storage"
    assert any(said in complaint for complaint in style.complaints(folder, True))


def test_a_stale_table_is_seen():
    copy = Workspace("style")
    copy.edit("modules/storage/variables.tf", "  default     = 365\n", "  default     = 366\n")
    assert readme.stale(copy.root / "modules" / "storage")
