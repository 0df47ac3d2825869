"""pyannote pipelines with random weights, laid out as a released one: real classes, nothing to download."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np


def save_checkpoint(model: Any, path: Path) -> Path:
    """A checkpoint as pyannote.audio writes it."""
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    checkpoint = {
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
        "pytorch-lightning_version": "2.0.0",
        "epoch": 0,
        "global_step": 0,
    }
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, path)
    return path


def segmentation(seed: int = 0) -> Any:
    """A small PyanNet: three speakers, two at once, 10 s windows."""
    import torch
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.segmentation import PyanNet

    torch.manual_seed(seed)
    model = PyanNet(
        lstm={
            "hidden_size": 16,
            "num_layers": 1,
            "bidirectional": True,
            "monolithic": True,
            "dropout": 0.0,
        },
        linear={"hidden_size": 16, "num_layers": 1},
    )
    model.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=10.0,
        min_duration=None,
        warm_up=(0.0, 0.0),
        classes=["a", "b", "c"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    model.build()
    with torch.no_grad():
        model.classifier.weight *= 60  # or random weights never change their mind
    return model


def embedding(kind: str = "xvector", seed: int = 0) -> Any:
    """A network for voices: "xvector" (small) or "wespeaker" (the released shape, 26 MB)."""
    import torch
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.embedding import WeSpeakerResNet34, XVectorMFCC

    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an MFCC filter of the stock settings is empty
        model = WeSpeakerResNet34() if kind == "wespeaker" else XVectorMFCC(dimension=256)
    model.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=3.0, classes=["a"]
    )
    model.build()
    return model


def pipeline_folder(root: Path, kind: str = "xvector", seed: int = 0) -> Path:
    """A folder with config.yaml, segmentation, embedding and plda."""
    import yaml

    save_checkpoint(segmentation(seed), root / "segmentation" / "pytorch_model.bin")
    save_checkpoint(embedding(kind, seed), root / "embedding" / "pytorch_model.bin")
    (root / "plda").mkdir(parents=True, exist_ok=True)
    turned, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(256, 128)))
    np.savez(root / "plda" / "xvec_transform.npz", mean1=np.zeros(256), mean2=np.zeros(128), lda=turned)
    np.savez(root / "plda" / "plda.npz", mu=np.zeros(128), tr=np.eye(128), psi=np.linspace(3, 0.1, 128))
    config = {
        "dependencies": {"pyannote.audio": "4.0.0"},
        "pipeline": {
            "name": "pyannote.audio.pipelines.SpeakerDiarization",
            "params": {
                "clustering": "VBxClustering",
                "segmentation": "$model/segmentation",
                "segmentation_batch_size": 8,
                "embedding": "$model/embedding",
                "embedding_batch_size": 8,
                "embedding_exclude_overlap": True,
                "plda": "$model/plda",
            },
        },
        "params": {
            "clustering": {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8},
            "segmentation": {"min_duration_off": 0.0},
        },
    }
    (root / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return root
