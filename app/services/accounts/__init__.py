"""Who people are, what they chose, and how much room they have."""
