"""What follows from what: pure functions of the state and one event, giving facts and commands."""
