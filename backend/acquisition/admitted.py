"""Whom brokers admit besides the platform itself: gateways, and third parties.

Third parties' credentials and topics are kept by the layer above
(backend/service/integration/access.py); here they are read only.
"""

from datetime import datetime

from backend.acquisition.credentials import Credential, credentials_of
from backend.acquisition.leases import list_gateways
from backend.core.clock import Clock, SystemClock
from backend.core.db import ReadSession
from backend.core.ids import encode_id

_THIRD_PARTIES = """
SELECT c.project_id, c.uid, c.secret, c.publish, c.subscribe FROM mqtt_credential c
WHERE c.revoked_at IS NULL AND c.expires_at > %s
  AND cardinality(c.publish) + cardinality(c.subscribe) > 0
ORDER BY c.project_id, c.uid
"""


async def list_third_parties(tx: ReadSession, now: datetime) -> list[Credential]:
    """Answer the credentials of third parties that are good at `now` and reach anything."""
    return [
        Credential(encode_id("mqt", uid), secret, tuple(publish), tuple(subscribe))
        for _, uid, secret, publish, subscribe in await tx.fetch_tuples(_THIRD_PARTIES, (now,))
    ]


async def list_admitted(tx: ReadSession, clock: Clock) -> list[Credential]:
    """Answer everybody; certificates end by the real time, third parties by the platform's."""
    gateways = await list_gateways(tx, SystemClock().now())
    third_parties = await list_third_parties(tx, clock.now())
    return [*credentials_of(one.credential_row for one in gateways), *third_parties]
