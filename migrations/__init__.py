"""The database's history: one file a step, applied as kw_owner by `kilowise db init`."""
