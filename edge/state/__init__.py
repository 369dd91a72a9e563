"""What the vault is known to be: facts, the state they fold into, and the beliefs beside it."""
