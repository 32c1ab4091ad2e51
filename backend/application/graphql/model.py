"""What a project tells of its model: energy factors, trees, sources, conversions."""

import strawberry

from backend.application.graphql.context import Door
from backend.application.graphql.factors import Factor, read_factors


@strawberry.type
class ProjectModel:
    """The part of a project that says how its plant is modelled."""

    door: strawberry.Private[Door]

    @strawberry.field
    async def factors(self) -> list[Factor]:
        """Every version of every conversion factor."""
        return await read_factors(self.door)
