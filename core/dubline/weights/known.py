"""Public models that Dubline can name: where they come from and what their makers say about using them.

Facts only, none of them measured here. Sources: `demucs/hf.py` and `demucs/remote/*.yaml` of Demucs 4.1
(hub names and signatures); facebookresearch/demucs issues 327 and 508 (licence of its weights);
`inference.py` of ZFTurbo/MVSEP-CDX23-Cinematic-Sound-Demixing (addresses and order of sources; Demucs'
file names carry the first eight digits of their SHA-256); the README and
`models/MDX_Net_Models/model_data/model_data.json` of Anjok07/ultimatevocalremovergui. The SHA-256 of
UVR-MDX-NET-Voc_FT is the one that public programs using that file pin; its maker publishes none.
"""

from __future__ import annotations

from typing import Any, Literal

from dubline.values.base import Value

Kind = Literal["demucs", "mdx"]


class KnownFile(Value, frozen=True):
    """A file to download. `sha256` is the whole checksum or its beginning, in hex; empty: not known."""

    name: str
    url: str = ""
    sha256: str = ""


class KnownWeights(Value, frozen=True):
    """A public model. It is fetched from the Hugging Face `hub` repository or file by file from `files`.

    `page` is where a person finds the files; `signatures` are the names Demucs gives to the models of a
    bag; `sources` and `parameters` are as on a `WeightsCard`.
    """

    name: str
    kind: Kind
    licence: str
    origin: str
    page: str
    hub: str = ""
    files: tuple[KnownFile, ...] = ()
    signatures: tuple[str, ...] = ()
    note: str = ""
    sources: tuple[str, ...] = ()
    parameters: dict[str, Any] = {}


DEMUCS_LICENCE = (
    "The author says that the weights are not covered by Demucs' MIT licence and are "
    '"only for scientific purposes" (facebookresearch/demucs issues 327 and 508).'
)
CDX23_LICENCE = "Not stated: the repository has no licence file. Trained on the DnR data set."
UVR_LICENCE = (
    "The UVR README asks for credit under the MIT licence; there is no licence file, and whether the "
    "weights may be used commercially was asked and not answered (issues 1242, 2341, 2185)."
)

_CDX23 = "https://github.com/ZFTurbo/MVSEP-CDX23-Cinematic-Sound-Demixing/releases"
_UVR = "https://github.com/TRvlvr/model_repo/releases"


def _hub(name: str, repository: str, *signatures: str) -> KnownWeights:
    return KnownWeights(
        name=name,
        kind="demucs",
        licence=DEMUCS_LICENCE,
        origin=f"Demucs, Hugging Face adefossez/{repository}",
        page=f"https://huggingface.co/adefossez/{repository}",
        hub=f"adefossez/{repository}",
        signatures=signatures,
        note="Music model: drums, bass, other, vocals. It has no stem for sound effects.",
    )


def _cdx23(name: str, note: str, *sums: str) -> KnownWeights:
    names = [f"97d170e1-{start}.th" for start in sums]
    files = [
        KnownFile(name=file, url=f"{_CDX23}/download/v.1.0.0/{file}", sha256=start)
        for file, start in zip(names, sums, strict=True)
    ]
    return KnownWeights(
        name=name,
        kind="demucs",
        licence=CDX23_LICENCE,
        origin="ZFTurbo/MVSEP-CDX23-Cinematic-Sound-Demixing, release v.1.0.0",
        page=f"{_CDX23}/tag/v.1.0.0",
        files=tuple(files),
        note=note,
        sources=("music", "sfx", "speech"),
        parameters={"normalise": False},  # its own script feeds the sound as it is
    )


KNOWN: dict[str, KnownWeights] = {
    known.name: known
    for known in (
        _hub("htdemucs", "HTDemucs", "955717e8"),
        _hub("htdemucs_ft", "HTDemucs-ft", "f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d"),
        _hub("htdemucs_6s", "HTDemucs-6s", "5c90dfd2"),
        _hub("hdemucs_mmi", "Demucs-hdemucs_mmi", "75fc33f5"),
        _hub("mdx_extra", "Demucs-mdx_extra", "e51eebcc", "a1d90b5c", "5d2d6c55", "cfa93e08"),
        _cdx23("cdx23", "Film model: one checkpoint, its script's default.", "dbb4db15"),
        _cdx23(
            "cdx23_hq",
            "Film model: three checkpoints whose results are averaged, at three times the cost.",
            "a778de4a",
            "dbb4db15",
            "e41a5468",
        ),
        KnownWeights(
            name="UVR-MDX-NET-Voc_FT",
            kind="mdx",
            licence=UVR_LICENCE,
            origin="Ultimate Vocal Remover, TRvlvr/model_repo, release all_public_uvr_models",
            page=f"{_UVR}/tag/all_public_uvr_models",
            files=(
                KnownFile(
                    name="UVR-MDX-NET-Voc_FT.onnx",
                    url=f"{_UVR}/download/all_public_uvr_models/UVR-MDX-NET-Voc_FT.onnx",
                    sha256="534b2070fcc7df514b13ef660dc8cbb328679c2374d04354a5c42bb14ecce111",
                ),
            ),
            note="Music model: vocals and the rest. It has no stem for sound effects.",
            parameters={
                "n_fft": 7680,
                "dim_f": 3072,
                "dim_t": 256,
                "hop": 1024,
                "compensate": 1.021,
                "stem": "vocals",
            },
        ),
    )
}
