"""The wire between gateway and platform: quantities, quality, energy types, profiles, topics, messages. The only part of gateway that backend may import."""
