"""Where a point's readings are: the one place that knows that closed days are arrays.

Every function answers SQL of `(ts, value, quality)` of one point, from `reading` and `reading_day`
alike, to be put into a statement that has the project as `%(project)s`; `point`, `low` and the like
are SQL of its own. Conditions name the row `r`. A sample is in one of the two places only.
"""

from typing import Final, LiteralString

_QUALITY: Final = "coalesce(d.quality[width_bucket(u.n::int, d.quality_from)], 0::smallint)"
_EVEN: Final = f"""
SELECT d.first_ts + (d.unit_us * (u.n - 1))::float8 * interval '1 microsecond' AS ts,
       (d.base + sum(u.v) OVER passed)::float8 / d.divisor AS value, {_QUALITY} AS quality
FROM unnest(coalesce(d.values_2::int[], d.values_4)) WITH ORDINALITY AS u (v, n)
"""
_UNEVEN: Final = f"""
SELECT d.first_ts + (d.unit_us * coalesce(sum(u.t4) OVER passed, sum(u.t8) OVER passed, u.n - 1)
           )::float8 * interval '1 microsecond' AS ts,
       coalesce(u.f4, u.f8, (d.base + coalesce(sum(u.v4) OVER passed,
                (sum(u.v8) OVER passed)::bigint))::float8 / d.divisor) AS value,
       {_QUALITY} AS quality
FROM ROWS FROM (unnest(coalesce(d.times_2::int[], d.times_4)), unnest(d.times_8),
                unnest(coalesce(d.values_2::int[], d.values_4)), unnest(d.values_8),
                unnest(d.floats_4), unnest(d.floats_8))
     WITH ORDINALITY AS u (t4, t8, v4, v8, f4, f8, n)
"""
# One branch of a day's row is run: that of a register read in even steps takes half the time.
_IS_EVEN: Final = (
    "(d.times_2 IS NULL AND d.times_4 IS NULL AND d.times_8 IS NULL"
    " AND (d.values_2 IS NOT NULL OR d.values_4 IS NOT NULL))"
)
_PASSED: Final = "WINDOW passed AS (ORDER BY u.n ROWS UNBOUNDED PRECEDING)"
SAMPLES: Final = f"""
({_EVEN} WHERE {_IS_EVEN} {_PASSED} UNION ALL {_UNEVEN} WHERE NOT {_IS_EVEN} {_PASSED})
"""
"""The samples of the row `d` of `reading_day`, exactly as they were stored."""
_DAY: Final = "({} AT TIME ZONE 'UTC')::date"
_COLD: Final = (
    "reading_day d CROSS JOIN LATERAL " + SAMPLES + " AS r"
    " WHERE d.project_id = %(project)s AND d.point_id = {point}"
)
_HOT: Final = "reading r WHERE r.project_id = %(project)s AND r.point_id = {point}"


def between(
    point: LiteralString, low: LiteralString, high: LiteralString, condition: LiteralString = "true"
) -> str:
    """Answer the readings in [low, high] that meet a condition, in no order."""
    wanted = f"r.ts BETWEEN {low} AND {high} AND {condition}"
    days = f"d.day BETWEEN {_DAY.format(low)} AND {_DAY.format(high)}"
    return f"""
        SELECT r.ts, r.value, r.quality FROM {_HOT.format(point=point)} AND {wanted}
        UNION ALL
        SELECT r.ts, r.value, r.quality FROM {_COLD.format(point=point)} AND {days} AND {wanted}
    """


def last(point: LiteralString, until: LiteralString, condition: LiteralString) -> str:
    """Answer the time (`ts`, or null) of the last reading that meets a condition.

    `until` is how its time must relate to something, for example `< o.before`. The arrays of a day
    are opened only where no later reading is found outside them.
    """
    return _nearest(
        hot=f"{_HOT.format(point=point)} AND {condition} AND r.ts {until} ORDER BY r.ts DESC",
        cold=f"{_COLD.format(point=point)} AND d.day <= {_DAY.format(until.lstrip('<= '))}"
        f" AND d.first_ts {until}"
        f" AND (hot.ts IS NULL OR d.day >= {_DAY.format('hot.ts')}) ORDER BY d.day DESC, r.ts DESC",
        wanted=f"{condition} AND r.ts {until} AND (hot.ts IS NULL OR r.ts > hot.ts)",
    )


def first(point: LiteralString, since: LiteralString, condition: LiteralString) -> str:
    """Answer the time (`ts`, or null) of the first reading at or after `since` that meets a
    condition.
    """
    return _nearest(
        hot=f"{_HOT.format(point=point)} AND {condition} AND r.ts >= {since} ORDER BY r.ts",
        cold=f"{_COLD.format(point=point)} AND d.day >= {_DAY.format(since)}"
        f" AND (hot.ts IS NULL OR d.day <= {_DAY.format('hot.ts')}) ORDER BY d.day, r.ts",
        wanted=f"{condition} AND r.ts >= {since} AND (hot.ts IS NULL OR r.ts < hot.ts)",
    )


def _nearest(hot: LiteralString, cold: LiteralString, wanted: LiteralString) -> str:
    # OFFSET 0: the first look is made once, and conditions are asked of one row after the other.
    return f"""
        SELECT coalesce(cold.ts, hot.ts) AS ts
        FROM (SELECT (SELECT r.ts FROM {hot} LIMIT 1) AS ts OFFSET 0) AS hot
        LEFT JOIN LATERAL (
            SELECT r.ts FROM (SELECT r.* FROM {cold} OFFSET 0) AS r WHERE {wanted} LIMIT 1
        ) AS cold ON true
    """
