"""Making a project online, and what it can be made from."""

import strawberry

from backend.application.graphql.context import KwInfo, asker_of, enter_project
from backend.application.graphql.naming import Name
from backend.application.graphql.projects import Project
from backend.application.graphql.traits import ProjectTraitsInput, traits_of
from backend.core.ids import encode_id
from backend.service.projects import founding
from backend.service.projects.ready_parts import standards
from backend.service.projects.template import Template, offered_templates
from backend.service.projects.traits import ENERGY_UNITS


@strawberry.type
class ProjectTemplate:
    """What a project can begin with: places, energies, shifts, tariffs and alarms."""

    code: str
    name: Name
    about: Name
    zone: str
    currency: str
    places: list[Name] = strawberry.field(description="The site and what is directly below it.")
    energies: list[str] = strawberry.field(description="Codes of energies with their factors.")

    @classmethod
    def of(cls, code: str, parts: Template) -> "ProjectTemplate":
        """Answer a template that ships."""
        return cls(
            code=code,
            name=Name.of(parts.project.name, code),
            about=Name.of(parts.about),
            zone=parts.project.zone,
            currency=parts.project.currency,
            places=[Name(en=one.en, zh=one.zh) for one in (parts.tree, *parts.tree.children)],
            energies=list(parts.energies),
        )


@strawberry.type
class Standard:
    """A standard of which projects choose the edition, the newest first."""

    code: str
    name: Name
    editions: list[str]


@strawberry.input
class NewProjectInput:
    """What a project is to be."""

    template: str = strawberry.field(description="Code of a template.")
    zone: str = strawberry.field(description="IANA time zone of the plant; it stays.")
    currency: str = strawberry.field(description="ISO 4217; it stays.")
    traits: ProjectTraitsInput


@strawberry.type
class FoundingQuery:
    """What projects can be made from."""

    @strawberry.field
    def project_templates(self) -> list[ProjectTemplate]:
        """What projects can be made from."""
        return [ProjectTemplate.of(code, parts) for code, parts in offered_templates().items()]

    @strawberry.field
    def standards(self) -> list[Standard]:
        """Standards with their editions."""
        return [
            Standard(code=code, name=Name.of(one.name), editions=one.editions)
            for code, one in standards().items()
        ]

    @strawberry.field
    def energy_units(self) -> list[str]:
        """Units that totals of energy can be told in."""
        return list(ENERGY_UNITS)


@strawberry.type
class FoundingMutation:
    """Making a project."""

    @strawberry.mutation
    async def create_project(
        self,
        info: KwInfo,
        input: NewProjectInput,  # noqa: A002 - what the schema calls it
    ) -> Project:
        """Make a project from a template; whoever makes it is its administrator."""
        context = info.context
        caller, platform = context.signed_in(), context.process.platform
        caller.in_person()
        wanted = founding.Wanted(
            input.template, input.zone, input.currency, traits_of(input.traits)
        )
        now = platform.clock.now()
        uid = await founding.found(
            platform.database, wanted, asker_of(caller), platform.settings, now
        )
        return Project(door=await enter_project(context, encode_id("prj", uid)))
