"""The database of many cameras and runs: written by a sink, read by reports."""
