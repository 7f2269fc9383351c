"""What is done with images that are there: read, change, group, throw away, and the sizes that may be asked for."""
