"""The platform's doors: GraphQL, REST, MQTT for third parties, and the static PWA."""
