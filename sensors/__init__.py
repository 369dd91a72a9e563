"""What observations mean: RFID, climate, hazards. Pure functions over arrays and records."""
