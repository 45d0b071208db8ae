"""The catalogue, its table in the database and its explanations."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import features
from features.catalogue import CATALOGUE, FEATURE_VERSION, definitions, names
from features.catalogue.reasons import TEXTS
from features.vibration import CORE_COLUMNS

MIGRATIONS = Path(__file__).parents[2] / "migrations"


def made_with(table):
    body = re.search(rf"CREATE TABLE {table} \((.*?)\n\);", (MIGRATIONS / "0002_features.sql").read_text(), re.DOTALL)
    return tuple(re.findall(r"^\s*(\w+) real,", body.group(1), re.MULTILINE))


def added_to(table):
    later = "".join(path.read_text() for path in sorted(MIGRATIONS.glob("*.sql")))
    statements = re.findall(rf"^ALTER TABLE {table}\n(.*?);", later, re.MULTILINE | re.DOTALL)
    return tuple(name for body in statements for name in re.findall(r"ADD COLUMN (\w+) real", body))


@pytest.mark.parametrize("quantity", ["vibration", "current"])
def test_the_table_has_a_column_for_every_feature_and_no_other(quantity):
    table = f"feature_{quantity}_v1"
    catalogued = [d for d in CATALOGUE if d.quantity == quantity]
    assert made_with(table) == tuple(d.name for d in catalogued if d.version == 1)
    assert sorted(added_to(table)) == sorted(d.name for d in catalogued if d.version > 1)
    assert len({d.name for d in catalogued}) == len(catalogued)


def test_the_version_of_the_catalogue_is_that_of_its_newest_feature():
    assert max(d.version for d in CATALOGUE) == FEATURE_VERSION


def test_the_views_of_the_tables_were_made_again_for_this_version():
    # A view keeps the columns that its table had; the file runs again only when its text changes.
    assert f"catalogue version {FEATURE_VERSION}." in (MIGRATIONS / "repeatable" / "features.sql").read_text()


def test_names_can_stand_in_sql_without_quotes():
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,62}", definition.name) for definition in CATALOGUE)


def test_the_core_set_is_the_51_that_speed_is_promised_for():
    assert len(CORE_COLUMNS) == 51
    assert names("vibration")[:51] == CORE_COLUMNS


def test_every_definition_says_what_in_which_unit_and_after_whom():
    for definition in CATALOGUE:
        assert definition.definition
        assert definition.unit
        assert re.fullmatch(r"\[\d+]", definition.source)


def test_every_reason_has_a_sentence_and_concerns_a_feature():
    assert set(TEXTS) == set(features.Reason)
    concerned = features.Reason(0)
    for definition in CATALOGUE:
        concerned |= definition.absent
    assert features.Reason.CLIPPED not in concerned


def test_explain_names_only_what_concerns_the_feature():
    mask = features.Reason.NO_SPEED | features.Reason.RECORD_TOO_SHORT
    assert features.explain("velocity_rms", mask) == TEXTS[features.Reason.RECORD_TOO_SHORT]
    assert features.explain("rms", mask) == ""
    with pytest.raises(KeyError):
        features.explain("no_such_feature", mask)


def test_group_features_belong_to_currents_alone():
    assert definitions("vibration", "group") == ()
    assert len(definitions("current", "group")) == 11


def test_catalogue_and_spectra_load_without_numba():
    code = "import sys, features, features.spectrum, features.envelope; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
