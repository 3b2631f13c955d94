"""From bytes to frames, without I/O: events, what they mean, headers, encodings."""
