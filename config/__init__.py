"""What this vault is: places, devices, policy, profiles and the texts people see."""
