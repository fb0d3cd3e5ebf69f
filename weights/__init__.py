"""Released weights and their manifest: package data, found through importlib.resources."""
