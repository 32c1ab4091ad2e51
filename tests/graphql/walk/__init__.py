"""The walk: what everybody may ask and do, written by hand, and what asks it."""
