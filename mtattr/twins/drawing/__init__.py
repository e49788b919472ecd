"""The drawing that all generated twins share: in batches, all in torch.

`chance` and `scenes` give a scene its numbers, `canvas` is painted on, `frame`, `shapes`,
`patterns` and `colour` draw, `batches` spreads the work over threads, `regions` finds where an
attribute shows, `twin` makes a dataset of it and `writing` saves it as image files.
"""
