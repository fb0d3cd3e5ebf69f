"""Steps from one schema to the next, run by Alembic; ``tracker.storage.schema`` begins them."""
