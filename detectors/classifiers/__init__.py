"""Networks that name what a picture shows: by name, as weight files, and as embeddings."""
