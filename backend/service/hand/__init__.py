"""Registers that people read: plausibility before a reading is kept, and corrections after."""
