"""streamplay beside other players: who they are, what is measured, and the tables of it."""
