"""The platform: layers acquisition, aggregation, service, application above core.

A layer imports only downward; lower layers tell upper ones through events.
"""
