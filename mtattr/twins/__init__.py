"""Generated twins of real datasets: drawn images with exactly known labels, causes and regions.

Each twin is a package: `faces` (CelebA), `people` (Market-1501, DukeMTMC-reID), `clothes`
(DeepFashion), `cars` (CompCars) and `digits` (SVHN, CIFAR-10). `drawing` is what they share.
`mtattr.data.load_dataset` loads them under their dataset names. Papers use the facts about labels
that a twin's `__init__` exports, never the modules that draw.
"""
