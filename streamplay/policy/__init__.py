"""When it may sound: a pure policy, what it learns, and the same in virtual time."""
