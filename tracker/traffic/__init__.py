"""Quantities of traffic engineering: clocks, intervals, coverage, counts, occupancy, speeds."""
