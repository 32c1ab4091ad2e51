"""Monthly partitions of `reading`: made ahead of time, walled like every tenant table.

Bounds are UTC months. There is no default partition: a sample outside all of them goes to the
quarantine, so one gateway with a 1970 clock cannot poison a batch. A month whose readings have all
become arrays of `reading_day` is dropped.
"""

from datetime import UTC, datetime

import psycopg

MONTHS_BACK = 2
MONTHS_AHEAD = 2

_MAKE = """
CREATE TABLE {name} (
    project_id INTEGER NOT NULL,
    quality SMALLINT NOT NULL DEFAULT 0,
    point_id BIGINT NOT NULL,
    ts TIMESTAMP WITH TIME ZONE NOT NULL,
    value DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (project_id, point_id, ts)
);
ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {name} FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON {name}
    USING (project_id = nullif(current_setting('app.project', true), '')::int);
ALTER TABLE reading ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{end}');
"""
# The columns of `reading` in an order that leaves one gap for alignment instead of two: 8 bytes a
# row. A column more there and not here is an error at the next month, two months ahead of its time.
# Attached, not made in place: attaching lets readers and writers of the other months go on.


def ensure_partitions(connection: psycopg.Connection[tuple[object, ...]], now: datetime) -> int:
    """Make what is missing of the months around `now` as kw_owner; answer how many were made.

    Commits month by month, each with a lock time-out of 2 s; two processes at once are one after
    the other.
    """
    made = 0
    for offset in range(-MONTHS_BACK, MONTHS_AHEAD + 1):
        first, end = month(now, offset), month(now, offset + 1)
        name = f"reading_{first:%Y_%m}"
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '2s'")
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('reading partitions'))")
            if connection.execute("SELECT to_regclass(%s)", (name,)).fetchone() != (None,):
                continue
            sql = _MAKE.format(name=name, first=first.isoformat(), end=end.isoformat())
            connection.execute(sql.encode())
            made += 1
    connection.commit()
    return made


def drop_emptied(connection: psycopg.Connection[tuple[object, ...]], now: datetime) -> list[str]:
    """Drop the months before those that are kept whose readings have all been moved; as kw_owner.

    A month that holds a single reading stays. Commits month by month.
    """
    oldest = f"reading_{month(now, -MONTHS_BACK):%Y_%m}"
    found = connection.execute(_NAMES, (oldest,)).fetchall()
    connection.commit()
    names = [str(row[0]) for row in found]
    return [name for name in names if _drop_if_empty(connection, name)]


def _drop_if_empty(connection: psycopg.Connection[tuple[object, ...]], name: str) -> bool:
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '2s'")
        # Nobody writes between the look and the end, and the owner sees every project's rows.
        for sql in (_LOCK_IT, _SEE_ALL):
            connection.execute(sql.format(name=name).encode())
        empty = connection.execute(_ANY.format(name=name).encode()).fetchone() == (False,)
        connection.execute((_DROP if empty else _SEE_OWN).format(name=name).encode())
    return empty


_NAMES = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'reading'::regclass AND c.relname < %s ORDER BY 1
"""
_LOCK_IT = "LOCK TABLE reading, {name} IN ACCESS EXCLUSIVE MODE"
_SEE_ALL = "ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY"
_SEE_OWN = "ALTER TABLE {name} FORCE ROW LEVEL SECURITY"
_DROP = "DROP TABLE {name}"
_ANY = "SELECT EXISTS (SELECT 1 FROM {name})"


def keep_partitions(owner_url: str, now: datetime) -> int:
    """Log in as kw_owner and make what is missing around `now`; blocks, so call it in a thread."""
    with psycopg.connect(owner_url) as connection:
        return ensure_partitions(connection, now)


def drop_old_partitions(owner_url: str, now: datetime) -> list[str]:
    """Log in as kw_owner and drop old months that are empty; blocks, so call it in a thread."""
    with psycopg.connect(owner_url) as connection:
        return drop_emptied(connection, now)


def month(now: datetime, offset: int) -> datetime:
    """Answer the first instant (UTC) of the month `offset` months from that of `now`."""
    there = now.astimezone(UTC)
    count = there.year * 12 + there.month - 1 + offset
    return datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC)
