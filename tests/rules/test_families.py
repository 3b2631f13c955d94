from __future__ import annotations

import pytest

from streamplay.rules.families import DEFAULT_MODEL, FAMILIES, family_of


@pytest.mark.parametrize(
    ("model", "family"),
    [
        (DEFAULT_MODEL, "canopylabs/orpheus"),
        ("Canopylabs/Orpheus-9b", "canopylabs/orpheus"),
        ("cartesia/sonic", "cartesia/sonic"),
        ("cartesia/sonic-3-2026", "cartesia/sonic-3"),
        ("someone/else", None),
        ("", None),
    ],
)
def test_a_model_belongs_to_the_longest_family_that_its_id_begins_with(
    model: str, family: str | None
) -> None:
    assert family_of(model) == family


def test_every_family_is_found_by_the_id_that_it_names() -> None:
    assert {family_of(fields["id"]) for fields in FAMILIES.values()} == FAMILIES.keys()
