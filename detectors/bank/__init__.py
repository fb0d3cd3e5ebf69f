"""The image bank: labelled pictures of any usual format as one checked form."""
