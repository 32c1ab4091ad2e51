"""What people say of their project: its name, languages, unit of totals, editions of standards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from psycopg.types.json import Jsonb

from backend.core import audit
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import InvalidInput, NotFound
from backend.core.texts import LOCALES
from backend.service.people.asker import Asker
from backend.service.plant.editing import checked_name
from backend.service.projects.looks import checked_accent
from backend.service.projects.ready_parts import standards

ENERGY_UNITS: Final = ("kWh", "MWh", "GJ")
"""In which totals of energy are told outside the app: exports and groups."""


@dataclass(frozen=True, slots=True)
class Traits:
    """`standards` is the chosen edition by code; the first language is that of papers."""

    name: Mapping[str, str]
    languages: Sequence[str]
    energy_unit: str
    standards: Mapping[str, str]
    accent: str | None = None

    @property
    def words(self) -> dict[str, object]:
        """They, for the audit."""
        return {
            "name": dict(self.name),
            "languages": list(self.languages),
            "energy_unit": self.energy_unit,
            "standards": dict(self.standards),
            "accent": self.accent,
        }


def checked(traits: Traits) -> Traits:
    """Answer traits as they are kept; InvalidInput names what cannot be."""
    name = checked_name(traits.name)
    first = next(iter(name.values()))
    languages = list(dict.fromkeys(traits.languages))
    if not languages or not set(languages) <= set(LOCALES):
        raise InvalidInput("project_languages", known=", ".join(LOCALES))
    if traits.energy_unit not in ENERGY_UNITS:
        raise InvalidInput("project_unit", known=", ".join(ENERGY_UNITS))
    return replace(
        traits,
        name={"en": name.get("en", first), "zh-CN": name.get("zh-CN", first)},
        languages=languages,
        standards=_editions(traits.standards),
        accent=checked_accent(traits.accent),
    )


async def read_traits(tx: ReadSession, project_id: int) -> Traits:
    """Answer a project's traits; NotFound without such a project."""
    found = await tx.fetch_one(
        "SELECT name, languages, energy_unit, standards, accent FROM project WHERE id = %s",
        (project_id,),
        into=Traits,
    )
    if found is None:
        raise NotFound(kind="project")
    return found


async def change_traits(
    tx: WriteSession, project_id: int, wanted: Traits, asker: Asker, now: datetime
) -> Traits:
    """Give a project other traits; InvalidInput for what cannot be."""
    before, kept = await read_traits(tx, project_id), checked(wanted)
    await tx.execute(
        "UPDATE project SET name = %s, languages = %s, energy_unit = %s, standards = %s,"
        " accent = %s WHERE id = %s",
        (
            Jsonb(kept.name),
            kept.languages,
            kept.energy_unit,
            Jsonb(kept.standards),
            kept.accent,
            project_id,
        ),
    )
    deed = audit.Deed(
        asker.actor, "project.change", "", "done", asker.person_id, before.words, kept.words
    )
    await audit.record(tx, project_id, deed, now)
    return kept


def _editions(chosen: Mapping[str, str]) -> dict[str, str]:
    known = standards()
    for code, edition in chosen.items():
        if code not in known or edition not in known[code].editions:
            raise InvalidInput("project_standard", standard=code[:40], edition=edition[:20])
    return {code: chosen.get(code, one.editions[0]) for code, one in known.items()}
