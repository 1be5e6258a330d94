"""Many runs: replicates with error bars, paired differences, comparisons, resumable sweeps."""
