"""Alembic's entry: migrations run on the connection that `storage.engine.migrate` hands over, in its transaction."""

from alembic import context

from storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
