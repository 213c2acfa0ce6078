"""A private Kafka, PostgreSQL and mailbox on this machine: the real ones, on loopback, in one data directory."""
