"""JSON that third-party devices publish on an MQTT broker, mapped to points by a profile."""
