"""One file a step; the names of the revisions are numbers that grow."""
