"""The spectrum where the gradient's samples are a layer of their own (docs/theory-inputs.md, section 8)."""
