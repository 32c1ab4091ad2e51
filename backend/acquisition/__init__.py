"""Host of the wire: decode, validate, store, acknowledge."""
