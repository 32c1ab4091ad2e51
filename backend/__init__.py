"""The platform: four layers named acquisition, aggregation, service, application above core. A layer imports only downward."""
