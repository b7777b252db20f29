"""The floors of the house: imports point down, never up, never round; who may import what is held here."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WINGS = ("annotators", "demos", "store")
SYSTEMS = ("clap", "pengi", "salmonn", "whisper", "layers")


def modules() -> list[Path]:
    """Every module of the house, relative to its root."""
    found = [path for wing in WINGS for path in (ROOT / wing).rglob("*.py")]
    return [path.relative_to(ROOT) for path in [*found, ROOT / "app.py"]]


def imports(path: Path) -> Iterator[str]:
    """Every dotted name that a module imports, those inside functions and type-checking blocks too."""
    package = path.parent.parts
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def top(name: str) -> str:
    return name.split(".")[0]


def is_ui(path: Path) -> bool:
    ending = ("_tab", "_form", "_component")
    return path.stem.endswith(ending) or path.name in ("theme.py", "app.py")


def ours(name: str) -> bool:
    return top(name) in (*WINGS, "app")


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("path", modules(), ids=str)
def test_a_module_imports_only_what_its_floor_may(path: Path) -> None:
    names = sorted(set(imports(path)))
    parts = path.parts
    assert not any(top(name) == "shared" for name in names)
    if not is_ui(path):
        assert not any(top(name) == "gradio" for name in names), "only tabs, forms and components show things"
    if path.name != "placement.py":
        assert not any(top(name) == "spaces" for name in names)
    if path == Path("store/records.py"):
        outside = {top(name) for name in names} - set(sys.stdlib_module_names)
        assert not outside, f"the ground uses the standard library only, not {outside}"
    if parts[0] == "store":
        assert not any(top(name) in ("torch", "transformers", "whisper") for name in names)
        assert not any(within(name, "demos", "annotators", "app") for name in names)
    if parts[:2] == ("demos", "networks"):
        foreign = [name for name in names if ours(name) and not within(name, "demos.networks")]
        assert not foreign, f"networks are torch alone, but this one imports {foreign}"
    elif parts[0] == "demos":
        assert not any(within(name, "annotators", "app") for name in names)
        assert not any(within(name, "store") and not allowed_of_store(name) for name in names)
    if parts[0] == "demos" and len(parts) > 2 and parts[1] in SYSTEMS and not is_ui(path):
        others = [f"demos.{system}" for system in SYSTEMS if system != parts[1]]
        assert not any(within(name, *others) for name in names), "systems do not know each other"
        assert not any(within(name, "demos.engine", "demos.session", "demos.catalog") for name in names)
    if path != Path("app.py"):
        assert not any(within(name, "app") for name in names)


def allowed_of_store(name: str) -> bool:
    """What the models' wing may use of the store: its records and the identity of a clip."""
    return within(name, "store.records", "store.audio") or name == "store"


def test_imports_never_go_round() -> None:
    known = {".".join(path.with_suffix("").parts): path for path in modules()}
    known |= {name.removesuffix(".__init__"): path for name, path in list(known.items())}
    edges = {
        name: {target for target in imports(path) if target in known and target != name}
        for name, path in known.items()
        if not name.endswith("__init__")
    }
    finished: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, "imports go round: " + " → ".join([*trail[trail.index(name) :], name])
        if name in finished:
            return
        for target in sorted(edges.get(name, ())):
            visit(target, (*trail, name))
        finished.add(name)

    for name in sorted(edges):
        visit(name, ())


def test_app_is_only_the_roof() -> None:
    assert len((ROOT / "app.py").read_text(encoding="utf-8").splitlines()) < 150
