"""Five papers on multi-task attribute networks, rebuilt, trained, evaluated and judged."""

import os

# Before torch loads. Threads that wait for work by spinning make a step on busy cores 30 times as
# slow as threads that sleep (benchmarks/threads.py).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"

#: The papers of the course: room, chapter and citation key share one name.
PAPERS = {
    "adaptive_weighting": "He et al. 2017",
    "adaptive_sharing": "Lu et al. 2017",
    "attribute_estimation": "Maeda et al. 2020",
    "attention_branch": "Fukui et al. 2019",
    "channel_attention": "Kimura and Tanaka 2019",
}
