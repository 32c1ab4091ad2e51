"""What the JSON topics count for `/metrics`."""

from prometheus_client import Counter

published = Counter("kilowise_mqtt_published", "Messages for third parties", ["family"])
conflated = Counter("kilowise_mqtt_conflated", "Values replaced by newer ones before they went out")
requests = Counter("kilowise_mqtt_requests", "Commands asked over MQTT, by how they began", ["how"])
