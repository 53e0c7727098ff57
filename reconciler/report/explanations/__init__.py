"""What each code means, as data: one module a group of codes. Nothing here computes anything."""
