"""What is said: a stream of words cut into pieces worth sending."""
