"""Files come in: a session is opened, its bytes are taken, and an image is registered."""
