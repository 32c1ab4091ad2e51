"""Where a point's readings are: the one place that knows that closed days are arrays.

Every function answers SQL of `(ts, value, quality)` of one point, from `reading` and `reading_day`
alike, to be put into a statement that has the project as `%(project)s`; `point`, `low` and the like
are SQL of its own. Conditions name the row `r`. A sample is in one of the two places only.
"""

from typing import Final, LiteralString

_QUALITY: Final = "coalesce(d.quality[width_bucket(u.n::int, d.quality_from)], 0::smallint)"
_TIME: Final = "d.first_ts + (d.unit_us * (u.n - 1))::float8 * interval '1 microsecond'"
_EVEN: Final = f"""
SELECT {_TIME} AS ts,
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
_COLD: Final = "reading_day d WHERE d.project_id = %(project)s AND d.point_id = {point}"
_HOT: Final = "reading r WHERE r.project_id = %(project)s AND r.point_id = {point}"


def day_of(moment: LiteralString) -> LiteralString:
    """Answer SQL of the UTC day of an instant."""
    return f"({moment} AT TIME ZONE 'UTC')::date"


def between(
    point: LiteralString,
    low: LiteralString,
    high: LiteralString,
    condition: LiteralString = "true",
    days: LiteralString = "true",
) -> LiteralString:
    """Answer the readings in [low, high] that meet a condition, in no order.

    Of arrays only those whose row `d` of `reading_day` meets `days`.
    """
    wanted = f"r.ts BETWEEN {low} AND {high} AND {condition}"
    return f"""
        SELECT r.ts, r.value, r.quality FROM {_HOT.format(point=point)} AND {wanted}
        UNION ALL
        SELECT r.ts, r.value, r.quality
        FROM (SELECT d.* FROM {_COLD.format(point=point)} AND {days}
              AND d.day BETWEEN {day_of(low)} AND {day_of(high)}) AS d
        CROSS JOIN LATERAL {SAMPLES} AS r WHERE {wanted}
    """


def last(point: LiteralString, until: LiteralString, condition: LiteralString) -> LiteralString:
    """Answer the time (`ts`, or null) of the last reading that meets a condition.

    `until` is how its time must relate to something, for example `< o.before`. The arrays of a day
    are opened only where no later reading is found outside them. A condition may ask of a value
    whether it is finite, nothing else.
    """
    moment = until.lstrip("<= ")
    return _nearest(
        hot=f"{_HOT.format(point=point)} AND {condition} AND r.ts {until} ORDER BY r.ts DESC",
        cold=f"{_COLD.format(point=point)} AND d.day <= {day_of(moment)} AND d.first_ts {until}"
        f" AND (hot.ts IS NULL OR d.day >= {day_of('hot.ts')})",
        wanted=f"{condition} AND r.ts {until} AND (hot.ts IS NULL OR r.ts > hot.ts)",
        places=f"generate_series(1, least(d.count, {_PASSED_BY.format(moment)} + 1))",
        order="DESC",
    )


def first(point: LiteralString, since: LiteralString, condition: LiteralString) -> LiteralString:
    """Answer the time (`ts`, or null) of the first reading at or after `since` that meets a
    condition (as for `last`).
    """
    return _nearest(
        hot=f"{_HOT.format(point=point)} AND {condition} AND r.ts >= {since} ORDER BY r.ts",
        cold=f"{_COLD.format(point=point)} AND d.day >= {day_of(since)}"
        f" AND (hot.ts IS NULL OR d.day <= {day_of('hot.ts')})",
        wanted=f"{condition} AND r.ts >= {since} AND (hot.ts IS NULL OR r.ts < hot.ts)",
        places=f"generate_series(greatest(1, {_PASSED_BY.format(since)} + 1), d.count)",
        order="ASC",
    )


# How many steps of an even day lie between its first reading and an instant.
_PASSED_BY: Final = "(extract(epoch FROM {} - d.first_ts) * 1000000)::bigint / d.unit_us"


def _nearest(
    hot: LiteralString,
    cold: LiteralString,
    wanted: LiteralString,
    places: LiteralString,
    order: LiteralString,
) -> LiteralString:
    # OFFSET 0: the first look is made once, and conditions are asked of one row after the other.
    # In even steps a place says the time, so that no value is summed for it.
    return f"""
        SELECT coalesce(cold.ts, hot.ts) AS ts
        FROM (SELECT (SELECT r.ts FROM {hot} LIMIT 1) AS ts OFFSET 0) AS hot
        LEFT JOIN LATERAL (
            SELECT near.ts FROM (SELECT d.* FROM {cold} ORDER BY d.day {order} OFFSET 0) AS d
            CROSS JOIN LATERAL (
                SELECT CASE WHEN {_IS_EVEN} THEN (
                    SELECT r.ts FROM (
                        SELECT {_TIME} AS ts, d.base::float8 AS value, {_QUALITY} AS quality
                        FROM (SELECT n FROM {places} AS n ORDER BY n {order} OFFSET 0) AS u
                        OFFSET 0) AS r
                    WHERE {wanted} LIMIT 1)
                ELSE (
                    SELECT r.ts FROM (
                        SELECT r.* FROM {SAMPLES} AS r ORDER BY r.ts {order} OFFSET 0) AS r
                    WHERE {wanted} LIMIT 1)
                END AS ts OFFSET 0
            ) AS near
            WHERE near.ts IS NOT NULL ORDER BY d.day {order} LIMIT 1
        ) AS cold ON true
    """
