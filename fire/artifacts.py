"""X8: bundles that were tampered with, promoted to a running server. All refused, none of their code run."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.serving.shop import pack_model, payment, promote, second

from fire.crowd import call, wait_for
from fire.experiment import Plan, Result
from fire.server import Running, new_shop
from holdfast.bundle.load import load
from holdfast.contract.model import canonical
from holdfast.errors import HoldfastError


class Trap:
    """Unpickled, it leaves a folder behind: the proof that code ran."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.mark,)


Attack = Callable[[Path, random.Random, Path], None]
"""Changes the bundle in a folder; the last argument is where its code, if it ever runs, leaves its mark."""


def flip(folder: Path, dice: random.Random, mark: Path) -> None:
    place = some(folder, dice)
    data = bytearray(place.read_bytes())
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    place.write_bytes(data)


def truncate(folder: Path, dice: random.Random, mark: Path) -> None:
    place = some(folder, dice)
    os.truncate(place, dice.randrange(place.stat().st_size))


def remove(folder: Path, dice: random.Random, mark: Path) -> None:
    some(folder, dice).unlink()


def link(folder: Path, dice: random.Random, mark: Path) -> None:
    place = some(folder, dice)
    outside = folder.parent / f"outside-{dice.random()}"
    place.rename(outside)
    place.symlink_to(outside)


def code(folder: Path, dice: random.Random, mark: Path) -> None:
    (folder / "code").mkdir()
    (folder / "code" / "holdfast.py").write_text(f"import os; os.mkdir({str(mark)!r})")


def startup(folder: Path, dice: random.Random, mark: Path) -> None:
    (folder / "sitecustomize.py").write_text(f"import os; os.mkdir({str(mark)!r})")


def pickled(folder: Path, dice: random.Random, mark: Path) -> None:
    """A pickle in the model's place, with the manifest made right again."""
    (folder / "model.json").write_bytes(pickle.dumps(Trap(str(mark))))
    rehash(folder, {})


def slip(folder: Path, dice: random.Random, mark: Path) -> None:
    """A file outside the folder, named by a manifest that is right otherwise."""
    (folder.parent / "slipped.json").write_text("{}")
    rehash(folder, {"../slipped.json": {"sha256": hashlib.sha256(b"{}").hexdigest(), "bytes": 2}})


def threshold(folder: Path, dice: random.Random, mark: Path) -> None:
    """A change that fits in every way, the manifest made right again: only the pinned hash can tell."""
    place = folder / "threshold.json"
    place.write_text(place.read_text().replace("0.5", "0.9"))
    rehash(folder, {})


def rehash(folder: Path, more: dict[str, object]) -> None:
    shape = json.loads((folder / "manifest.json").read_bytes())
    for path in shape["files"]:
        data = (folder / path).read_bytes()
        shape["files"][path] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    shape["files"] |= more
    (folder / "manifest.json").write_bytes(canonical(shape))


def some(folder: Path, dice: random.Random) -> Path:
    """A file that is not empty."""
    return dice.choice(sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size))


ATTACKS: tuple[Attack, ...] = (flip, truncate, remove, link, code, startup, pickled, slip, threshold)


def run(plan: Plan) -> Result:
    dice, wrong = plan.dice, list[str]()
    home, mark = new_shop(plan.place("shop")), plan.folder / "code-ran"
    sound = pack_model(home, second())
    keep = plan.folder / "sound"
    shutil.copytree(home / "bundles" / sound, keep)
    tried = refused = 0
    # Loaded as a server loads it, many times over.
    for number in range(plan.much(600, 60)):
        attack = ATTACKS[number % len(ATTACKS)]
        place = tampered(keep, plan.folder / "one", attack, dice, mark)
        tried += 1
        try:
            load(place, expect=sound)
            wrong.append(f"{attack.__name__} was not refused")
        except HoldfastError:
            refused += 1
    # Promoted to a server that answers meanwhile.
    with Running(home) as server:
        for number, attack in enumerate(ATTACKS[:: plan.much(1, 2)]):
            tampered(keep, home / "bundles" / sound, attack, dice, mark)
            promote(home, second(), sound, str(100 + number))
            tried += 1
            wait_for(lambda: f"version {100 + number} " in told(server.port), 20, f"a refusal of {attack.__name__}")
            status, reply = call(server.port, "POST", "/predict", json.dumps(payment(f"{number}")).encode())
            if status == 200 and json.loads(reply)["model"]["version"] == "1":
                refused += 1
            else:
                wrong.append(f"{attack.__name__}: {status} {reply[:100]!r}")
        shutil.rmtree(home / "bundles" / sound)
        shutil.copytree(keep, home / "bundles" / sound)
        promote(home, second(), sound, "2")
        wait_for(lambda: json.loads(call(server.port, "GET", "/model-info")[1])["version"] == "2", 20, "the sound one")
    ran = mark.exists()
    place = tampered(keep, plan.folder / "one", pickled, dice, mark)
    pickle.loads((place / "model.json").read_bytes())  # the control: what an unpickling server would do
    place = tampered(keep, plan.folder / "one", threshold, dice, mark)
    trusting = load(place).threshold.value
    figures = {"attacks": tried, "refused": refused, "code run": int(ran), "the sound bundle afterwards": "answers"}
    control = f"unpickling the same file runs its code; without the pinned hash a threshold of {trusting} gets in"
    return Result(
        figures, refused == tried and not ran and not wrong, control, mark.exists() and trusting == 0.9, wrong
    )


def tampered(sound: Path, place: Path, attack: Attack, dice: random.Random, mark: Path) -> Path:
    """A copy of the sound bundle in `place`, attacked."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(sound, place)
    attack(place, dice, mark)
    return place


def told(port: int) -> str:
    problems: list[str] = json.loads(call(port, "GET", "/health")[1])["problems"]
    return " ".join(problems)
