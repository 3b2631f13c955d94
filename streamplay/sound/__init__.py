"""What sounds: the ring, the playout that reads it, and what it tells of it."""
