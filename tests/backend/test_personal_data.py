"""The list of personal data against the tables: nothing that names people is missing."""

import re

from backend.core.tables import metadata
from backend.service.people import forgetting
from backend.service.people.personal import PERSONAL, Fate, Protection, protection
from backend.service.projects.archive import sheets
from scripts.personal import PAGE, page

TELLING = re.compile(
    r"person_id|_by$|^actor$|login|address|user_agent|^note$|^reason$|^name$|endpoint|p256dh|^auth$"
    r"|password|pin_|badge_|locale|mail|phone|subject|recovery|public_key|credential_id"
)
"""How a column is called that may be about somebody."""
OF_THINGS = {
    *(f"{table}.name" for table in ("alarm_definition", "api_key", "device", "device_profile")),
    *(f"{table}.name" for table in ("gateway", "identity_provider", "meter", "meter_list")),
    *(f"{table}.name" for table in ("mqtt_credential", "node", "platform_key", "point", "project")),
    "project_group.name",
    *(f"{table}.name" for table in ("project_role", "shared_device", "sheet_import")),
    *(f"{table}.name" for table in ("shift_pattern", "tariff", "tree")),
    "operating_state.note",
    "reading_quarantine.reason",
}
"""Columns of such a name that tell of things."""


def test_every_column_about_people_is_listed() -> None:
    columns = {f"{table}.{column.name}" for table, made in metadata.tables.items()
               for column in made.columns}  # fmt: skip
    listed = {f"{one.table}.{name}" for one in PERSONAL for name in one.columns}
    telling = {name for name in columns if TELLING.search(name.partition(".")[2])}
    assert telling - listed == OF_THINGS, "list it in backend/service/people/personal.py"
    assert listed <= columns, "a row names a column that is not there"


def test_each_table_has_one_row_and_the_page_is_up_to_date() -> None:
    tables = [one.table for one in PERSONAL]
    assert len(tables) == len(set(tables))
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_column_has_a_class_of_protection() -> None:
    unclassed = {f"{one.table}.{name}" for one in PERSONAL for name in one.columns
                 if protection(name) is None}  # fmt: skip
    assert not unclassed, "give it one in backend/service/people/personal.py"


def test_what_is_secret_is_told_to_nobody_and_goes_with_its_person() -> None:
    secret = {(one.table, name) for one in PERSONAL for name in one.columns
              if protection(name) is Protection.SECRET}  # fmt: skip
    assert ("person_pin", "pin_hash") in secret
    exported = {(sheet.table, name) for sheet in sheets() for name, _ in sheet.columns}
    assert not secret & exported
    statements = (*forgetting.OWN.values(), *forgetting.IN_PROJECT.values())
    told = {name for _, name in secret for one in statements if re.search(rf"\b{name}\b", one)}
    assert not told
    for one in PERSONAL:
        if one.fate is Fate.RENAMED and {(one.table, name) for name in one.columns} & secret:
            assert (one.table, "password_hash = NULL" in forgetting.RENAME) == ("person", True)
