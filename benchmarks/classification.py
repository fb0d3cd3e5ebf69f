"""The lecture's experiment on flowers, where transfer pays, and vehicle or not: trainings of a classifier.

    python benchmarks/classification.py --out FOLDER                # all, some three hours on two cores
    python benchmarks/classification.py --out FOLDER --only plain,s100

Each is a ``track train classifier``; what is in FOLDER already is not trained again. All of the flowers are
measured on the same validation pictures, a fifth of each class; of two that look alike none is on the other
side, and the four pictures that stand in two classes are left out. The patches have their own split.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "classification"
FLOWERS, PATCHES = DATA / "flowers5_128px", DATA / "udacity_patches"
WEIGHTS = Path(__file__).resolve().parents[1] / "weights"

NET = "--model smaller_vgg --size 64"
ALTERED = "--augment crop=0.4 --augment rotate=15 --augment mixup=0.2"
HUNDRED = f"--decay cosine --epochs 100 --patience 100 {ALTERED} --average 0.998"
LONG = f"{NET} {HUNDRED}"
KNOWS = f"--from {WEIGHTS / 'smaller_vgg_one_stage.pt'}"
PATCH_NET = "--model smaller_vgg --size 64"
TRANSFER = f"{LONG} {KNOWS} --warm-epochs 2 --thaw-rate 0.2"
FLOWER_RUNS = {
    "plain": f"{NET} --decay cosine --epochs 20 --patience 20 --dropout 0 --augment none",
    "s100": LONG,
    "s25": f"{LONG} --train-share 0.25",
    "s10": f"{LONG} --train-share 0.1",
    "rep128": f"--model smaller_vgg_rep_small --size 128 {HUNDRED}",
    "t100": TRANSFER,
    "t25": f"{TRANSFER} --train-share 0.25",
    "t10": f"{TRANSFER} --train-share 0.1",
    "svm100": f"{NET} {KNOWS} --learner svm",
    "svm25": f"{NET} {KNOWS} --learner svm --train-share 0.25",
    "svm10": f"{NET} {KNOWS} --learner svm --train-share 0.1",
}
PATCH_RUNS = {
    "patch": f"{PATCH_NET} --epochs 16 --plateau 3",
    "patch_t": f"{PATCH_NET} {KNOWS} --warm-epochs 1 --thaw-rate 0.3 --epochs 9 --plateau 2",
    "patch_svm": f"{PATCH_NET} {KNOWS} --learner svm",
}


def train(data: Path, options: str, out: Path) -> None:
    """Train one, unless it is there."""
    if (out.with_suffix(".training") / "result.json").exists():
        return
    words = ["train", "classifier", "--data", str(data), "--out", str(out), "--skip-bad", "--overwrite"]
    command = [sys.executable, "-c", "from tracker.cli import main; main()", *words, *shlex.split(options)]
    print("track", shlex.join([*words, *shlex.split(options)]), flush=True)
    subprocess.run(command, check=True)


def split_patches(folder: Path) -> Path:
    """Return a folder of links to the patches, in the split that comes with them."""
    for item in json.loads((PATCHES / "labels_cls.json").read_text())["items"]:
        link = folder / item["split"] / item["label"] / Path(item["file"]).name
        link.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(PATCHES / item["file"], link)
    return folder


def show(name: str, out: Path) -> None:
    """Print a row of the table."""
    result = json.loads((out / f"{name}.training" / "result.json").read_text())
    parts = [f"{name:10} {result['accuracy']:7.1%} of {result['pictures']['val']}"]
    parts.append(f"trained on {result['pictures']['train']}")
    if "features" in result:
        parts.append(f"features {result['features_seconds']} s, {result['learner']} {result['seconds']} s")
    else:
        parts.append(f"{result['epochs']} epochs, best {result['best_epoch']}, {result['seconds']:.0f} s")
    print("; ".join(parts))


def main() -> None:
    """Train what is missing, and print all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", default=",".join([*FLOWER_RUNS, *PATCH_RUNS]))
    args = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"no pictures: expected in {DATA}")
    with tempfile.TemporaryDirectory() as folder:
        patches = split_patches(Path(folder))
        for name in args.only.split(","):
            if name in PATCH_RUNS:
                train(patches, PATCH_RUNS[name], args.out / name)
            else:
                train(FLOWERS, FLOWER_RUNS[name], args.out / name)
    for name in args.only.split(","):
        show(name, args.out)


if __name__ == "__main__":
    main()
