"""One utterance, from its text to what was heard of it."""
