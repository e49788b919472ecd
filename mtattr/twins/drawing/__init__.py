"""Drawing in batches, all in torch: what the generated twins share.

`chance` gives a scene its numbers, `frame`, `shapes`, `patterns` and `colour` draw, `batches`
spreads the work over threads, `regions` finds where an attribute shows, `twin` makes a dataset of
it and `writing` saves it as image files.
"""
