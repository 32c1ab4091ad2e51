"""What people say of their project, and what it looks like."""

import base64

import strawberry

from backend.application.graphql.context import Door, KwInfo, enter_to
from backend.application.graphql.enums import Permission
from backend.core.errors import InvalidInput
from backend.service.projects import looks, traits
from backend.service.projects.traits import Traits


@strawberry.type
class ChosenEdition:
    """The edition of a standard that a project goes by."""

    standard: str
    edition: str


@strawberry.input
class ChosenEditionInput:
    """The edition of a standard that a project is to go by."""

    standard: str
    edition: str


@strawberry.input
class ProjectTraitsInput:
    """What a project is called and how it is told."""

    name_en: str = ""
    name_zh: str = ""
    languages: list[str] = strawberry.field(
        default_factory=lambda: ["en", "zh-CN"], description="The first is that of its papers."
    )
    energy_unit: str = strawberry.field(default="kWh", description="Of totals outside the app.")
    standards: list[ChosenEditionInput] = strawberry.field(
        default_factory=list, description="The newest edition where none is chosen."
    )
    accent: str | None = strawberry.field(
        default=None, description="Colour #rrggbb, readable as text (contrast of 4.5)."
    )


@strawberry.type
class ProjectTraits:
    """What a project is called and how it is told."""

    accent: str | None = strawberry.field(description="The project's colour, #rrggbb.")
    languages: list[str] = strawberry.field(description="The first is that of its papers.")
    energy_unit: str = strawberry.field(description="Of totals outside the app.")
    standards: list[ChosenEdition]
    logo: str | None = strawberry.field(
        description="SHA-256 of the picture behind `/api/v1/logo?project=...`; null without one."
    )


@strawberry.type
class ProjectOfTraits:
    """The part of a project that says what it is called and how it is told."""

    door: strawberry.Private[Door]

    @strawberry.field
    async def traits(self) -> ProjectTraits:
        """Colour, picture, languages, unit of totals, editions of standards."""
        number = self.door.project.id
        async with self.door.read() as tx:
            row, logo = await traits.read_traits(tx, number), await looks.logo_hash(tx, number)
        return ProjectTraits(
            accent=row.accent,
            languages=list(row.languages),
            energy_unit=row.energy_unit,
            standards=[ChosenEdition(standard=c, edition=e) for c, e in row.standards.items()],
            logo=logo,
        )


@strawberry.type
class TraitsMutation:
    """Saying what a project is called and looks like."""

    @strawberry.mutation
    async def set_project(
        self,
        info: KwInfo,
        project: strawberry.ID,
        input: ProjectTraitsInput,  # noqa: A002 - what the schema calls it
    ) -> bool:
        """Give the project another name, colour, languages, unit or editions."""
        door, asker = await enter_to(info.context, project, Permission.PROJECT)
        now = door.process.platform.clock.now()
        async with door.write() as tx:
            await traits.change_traits(tx, door.project.id, traits_of(input), asker, now)
        return True

    @strawberry.mutation
    async def set_logo(self, info: KwInfo, project: strawberry.ID, file: str | None = None) -> bool:
        """Give the project a picture (base64 of a PNG or WebP of 64 kB at most), or none."""
        door, asker = await enter_to(info.context, project, Permission.PROJECT)
        logo = None if file is None else looks.checked_logo(_bytes(file))
        now = door.process.platform.clock.now()
        async with door.write() as tx:
            await looks.change_logo(tx, door.project.id, logo, asker, now)
        return True


def traits_of(told: ProjectTraitsInput) -> Traits:
    """Answer what was told as the service takes it."""
    return Traits(
        {"en": told.name_en, "zh-CN": told.name_zh},
        told.languages,
        told.energy_unit,
        {one.standard: one.edition for one in told.standards},
        told.accent,
    )


def _bytes(file: str) -> bytes:
    try:
        return base64.b64decode(file, validate=True)
    except ValueError as error:
        raise InvalidInput("project_logo_kind") from error
