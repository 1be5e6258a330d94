"""The support of a bulk, whatever equations it solves: solutions along the real axis, edges, density, outliers."""
