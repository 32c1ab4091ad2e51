"""What aggregation counts for `/metrics`."""

from prometheus_client import Counter, Gauge, Histogram

stretches = Counter("kilowise_account_stretches", "Stretches of registers recomputed")
buckets = Counter("kilowise_account_buckets", "Quarter hours of meters recomputed")
seconds = Histogram("kilowise_account_seconds", "Time of one accounting transaction")
behind = Gauge(
    "kilowise_account_behind_seconds",
    "Age of the newest reading when its account was written, per project",
    ["project"],
)
waiting = Gauge(
    "kilowise_account_dirty_rows",
    "Stretches of registers, virtual meters and nodes left waiting, per project",
    ["project"],
)
oldest = Gauge(
    "kilowise_account_oldest_seconds", "How long the oldest of them has waited", ["project"]
)
failures = Counter("kilowise_account_failures", "Accounting transactions that failed")
