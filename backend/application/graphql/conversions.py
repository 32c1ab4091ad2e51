"""Conversion nodes with their efficiency, and a node's comprehensive energy."""

from datetime import datetime
from decimal import Decimal

import strawberry

from backend.application.graphql.context import Door, KwInfo, enter_project, outside_uid
from backend.application.graphql.enums import Period
from backend.application.graphql.factors import begin_edit
from backend.application.graphql.supply import shown
from backend.core.errors import NotFound
from backend.core.ids import encode_id
from backend.service.plant import comprehensive, conversions, efficiency
from backend.service.plant.conversions import Wanted
from backend.service.plant.meters import MeterRow, meters_by_id
from backend.service.plant.nodes import find_place
from gateway.contract.energy import energy_type


@strawberry.type
class ConversionParam:
    """A number that a conversion needs."""

    name: str
    value: Decimal


@strawberry.type
class Conversion:
    """A node where one energy becomes another, in [validFrom, validTo)."""

    id: strawberry.ID
    node_id: strawberry.ID
    kind: str = strawberry.field(description="boiler, transformer or compressor.")
    input_ids: list[strawberry.ID]
    output_ids: list[strawberry.ID]
    params: list[ConversionParam]
    valid_from: datetime
    valid_to: datetime | None

    @classmethod
    def of(cls, row: conversions.Conversion, meters: dict[int, MeterRow]) -> "Conversion":
        """Answer a stored definition."""
        return cls(
            id=strawberry.ID(row.outside),
            node_id=strawberry.ID(encode_id("node", row.node_uid)),
            kind=row.kind,
            input_ids=[strawberry.ID(meters[one].outside) for one in row.inputs],
            output_ids=[strawberry.ID(meters[one].outside) for one in row.outputs],
            params=[ConversionParam(name=n, value=Decimal(v)) for n, v in row.params.items()],
            valid_from=row.valid_from,
            valid_to=row.valid_to,
        )


@strawberry.type
class ConversionKind:
    """What a kind of conversion is made of."""

    code: str
    input_states: list[str] = strawberry.field(
        description="States of the energies that go in; empty: no meters are named."
    )
    output_states: list[str]
    params: list[str] = strawberry.field(description="The numbers that it needs.")
    params_optional: bool = strawberry.field(description="All of them may be left out together.")


def conversion_kinds() -> list[ConversionKind]:
    """Answer every kind that a node may convert by."""
    return [
        ConversionKind(
            code=code,
            input_states=sorted(kind.into),
            output_states=sorted(kind.out),
            params=list(kind.params),
            params_optional=kind.together,
        )
        for code, kind in conversions.KINDS.items()
    ]


@strawberry.type
class EfficiencyFigures:
    """How well a conversion did over [start, end); null where a figure means nothing."""

    conversion: Conversion
    start: datetime
    end: datetime
    efficiency: Decimal | None = strawberry.field(description="Out per in, 0 to 1.")
    specific: Decimal | None = strawberry.field(description="Of a compressor station: kWh per m3.")
    load_rate: Decimal | None = strawberry.field(description="Of a transformer: mean of S / Sn.")
    peak_load_rate: Decimal | None
    best_load_rate: Decimal | None = strawberry.field(description="sqrt(P0 / Pk).")
    loss: Decimal | None = strawberry.field(description="Of a transformer, kWh.")


@strawberry.type
class ComprehensiveTerm:
    """What one meter contributes, with its sign."""

    meter_id: strawberry.ID
    energy: str
    unit: str
    value: Decimal = strawberry.field(description="In the display unit.")
    kgce: Decimal | None
    why: str = strawberry.field(
        description="taken, passed_on, put_out, made_here, no_energy or unknown."
    )


@strawberry.type
class ComprehensiveEnergy:
    """Coal equivalent of what a node took, nothing twice (GB/T 2589)."""

    start: datetime
    end: datetime
    kgce: Decimal | None = strawberry.field(description="Null where a term has no factor.")
    terms: list[ComprehensiveTerm]


@strawberry.input
class ConversionParamInput:
    """A number that a conversion needs."""

    name: str
    value: Decimal


@strawberry.input
class ConversionInput:
    """What a node converts from an instant on; the definition in force ends there."""

    project: strawberry.ID
    node: strawberry.ID
    kind: str
    inputs: list[strawberry.ID] = strawberry.field(default_factory=list)
    outputs: list[strawberry.ID] = strawberry.field(default_factory=list)
    params: list[ConversionParamInput] = strawberry.field(default_factory=list)
    valid_from: datetime | None = strawberry.field(
        default=None, description="A quarter hour; the next one by default."
    )


@strawberry.type
class ConversionMutation:
    """Defining conversions."""

    @strawberry.mutation
    async def set_conversion(
        self,
        info: KwInfo,
        input: ConversionInput,  # noqa: A002 - what the schema calls it
    ) -> Conversion:
        """Define what a node converts."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, input.project)
        async with door.write() as tx:
            edit = await begin_edit(door, tx, caller)
            wanted = Wanted(
                node=outside_uid("node", input.node),
                kind=input.kind,
                inputs=[outside_uid("mtr", one) for one in input.inputs],
                outputs=[outside_uid("mtr", one) for one in input.outputs],
                params={one.name: one.value for one in input.params},
                valid_from=input.valid_from or edit.next_quarter(),
            )
            row = await conversions.set_conversion(edit, wanted)
            return Conversion.of(row, await meters_by_id(tx, door.project.id))

    @strawberry.mutation
    async def end_conversion(
        self,
        info: KwInfo,
        project: strawberry.ID,
        conversion: strawberry.ID,
        at: datetime | None = None,
    ) -> Conversion:
        """End a definition, from the next quarter hour on by default."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, project)
        async with door.write() as tx:
            edit = await begin_edit(door, tx, caller)
            uid = outside_uid("cnv", conversion)
            row = await conversions.end_conversion(edit, uid, at)
            return Conversion.of(row, await meters_by_id(tx, door.project.id))


async def read_conversions(door: Door, node: str | None) -> list[Conversion]:
    """Answer the conversions of a node, or all. NotFound for an unknown node."""
    async with door.read() as tx:
        number = None
        if node is not None:
            number = (await find_place(tx, door.project.id, outside_uid("node", node))).id
        found = await conversions.list_conversions(tx, door.project.id, number)
        meters = await meters_by_id(tx, door.project.id)
    return [Conversion.of(row, meters) for row in found]


async def read_efficiencies(
    door: Door, node: str | None, period: Period, start: datetime, end: datetime
) -> list[EfficiencyFigures]:
    """Answer figures of the conversions of a node, or of all, for the periods of [start, end)."""
    now = door.process.platform.clock.now()
    async with door.read() as tx:
        number = None
        if node is not None:
            number = (await find_place(tx, door.project.id, outside_uid("node", node))).id
        rows = await conversions.list_conversions(tx, door.project.id, number)
        meters = await meters_by_id(tx, door.project.id)
        found = await efficiency.efficiencies(
            tx, door.project.id, rows, period.stored, (start, end), now
        )
    return [_figures(Conversion.of(row, meters), one) for row, one in found]


def _figures(conversion: Conversion, found: efficiency.Efficiency) -> EfficiencyFigures:
    return EfficiencyFigures(
        conversion=conversion,
        start=found.start,
        end=found.end,
        efficiency=shown(found.efficiency),
        specific=shown(found.specific),
        load_rate=shown(found.load_rate),
        peak_load_rate=shown(found.peak_load_rate),
        best_load_rate=found.best_load_rate,
        loss=shown(found.loss),
    )


async def read_comprehensive(
    door: Door, node: str, start: datetime, end: datetime
) -> ComprehensiveEnergy:
    """Answer a node's comprehensive energy. NotFound for an unknown node."""
    uid = outside_uid("node", node)
    if uid is None:
        raise NotFound(kind="node")
    async with door.read() as tx:
        place = await find_place(tx, door.project.id, uid)
        found = await comprehensive.comprehensive(tx, door.project.id, place.id, start, end)
        meters = await meters_by_id(tx, door.project.id)
    terms = [
        ComprehensiveTerm(
            meter_id=strawberry.ID(meters[term.meter_id].outside),
            energy=term.energy,
            unit=energy_type(term.energy).unit.code,
            value=term.quantity.scaleb(-energy_type(term.energy).decimals),
            kgce=term.kgce,
            why=term.why.value,
        )
        for term in found.terms
    ]
    return ComprehensiveEnergy(start=start, end=end, kgce=found.kgce, terms=terms)
