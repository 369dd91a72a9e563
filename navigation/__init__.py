"""Where to go and how. The floor is reserved: nothing in the vault moves yet, so nothing stands here."""
