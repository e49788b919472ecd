import json
import subprocess
import sys

HEAVY = ("lightning_fabric", "torchvision", "timm", "matplotlib", "sklearn", "scipy.stats")


def test_evidence_is_imported_without_what_only_training_and_plots_need():
    code = "import json, sys, mtattr.evidence; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [name for name in HEAVY if name in json.loads(done.stdout)] == []
