"""What subscribers are told, read once for all who watch."""
