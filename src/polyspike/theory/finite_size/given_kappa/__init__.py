"""Features and labels given a sample's coordinate kappa along the spike (sections 1, 2, 9 and 10)."""
