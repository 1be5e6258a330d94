"""What the spikes and the known directions learn, and the errors that follow (sections 4, 5 and 11)."""
