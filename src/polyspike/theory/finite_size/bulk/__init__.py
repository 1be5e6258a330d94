"""The fixed point of the bulk, and what it is made of (sections 3 and 11)."""
