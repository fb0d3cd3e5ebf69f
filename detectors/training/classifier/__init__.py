"""Training of classifiers: the folder of pictures, the epochs, the figures."""
