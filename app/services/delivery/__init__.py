"""Pictures go out: from an address to an object, made on demand where it is missing."""
