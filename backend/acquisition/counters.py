"""What acquisition counts for `/metrics`: every queue, every drop, every refusal."""

from prometheus_client import Counter, Gauge, Histogram

broker_routed = Counter("kilowise_broker_routed", "Messages routed by the embedded broker")
broker_dropped = Counter(
    "kilowise_broker_dropped", "Messages dropped by the embedded broker", ["queue"]
)
broker_refused = Counter(
    "kilowise_broker_refused", "Connections, publishes and subscriptions refused", ["reason"]
)

messages = Counter("kilowise_ingest_messages", "Sparkplug messages received", ["type"])
messages_dropped = Counter(
    "kilowise_ingest_messages_dropped", "Messages not taken; resent where the node can", ["reason"]
)
queue_length = Gauge("kilowise_ingest_queue_length", "Messages received and not yet decoded")
rows_stored = Counter("kilowise_ingest_rows_stored", "Readings committed")
rows_quarantined = Counter("kilowise_ingest_rows_quarantined", "Readings set aside", ["reason"])
rows_late = Counter("kilowise_ingest_rows_late", "Readings older than the hot window, set aside")
samples_missing = Counter("kilowise_ingest_samples_missing", "Samples without a value")
batches = Counter("kilowise_ingest_batches", "Batches committed, by the way they took", ["path"])
batch_seconds = Histogram("kilowise_ingest_batch_seconds", "Time to store and commit one batch")
unknown_nodes = Counter("kilowise_ingest_unknown_nodes", "Messages of nodes not claimed by us")
unknown_aliases = Counter("kilowise_ingest_unknown_aliases", "Samples under an unknown alias")
sequence_gaps = Counter("kilowise_ingest_sequence_gaps", "Holes in the sequence of a node")
rebirths = Counter("kilowise_ingest_rebirth_requests", "Rebirths asked of nodes")
commands_sent = Counter("kilowise_ingest_commands_sent", "Commands published, repeats included")
acknowledged = Counter("kilowise_ingest_acknowledged", "Journal records acknowledged")
leases = Gauge("kilowise_ingest_leases", "Edge nodes this worker holds")

live_batches = Counter("kilowise_live_batches", "Batches on the live bus", ["direction"])
live_dropped = Counter("kilowise_live_dropped", "Live batches dropped", ["reason"])
