"""Who else may say who somebody is; one file a kind, known by the registry."""
