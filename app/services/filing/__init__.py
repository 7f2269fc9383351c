"""Where images are and by what they are found; who may see them; what nobody needs."""
