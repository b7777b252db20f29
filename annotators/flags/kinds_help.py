"""The kinds of flags as Help and the endpoint's description tell them, from the table that makes the rows."""

from __future__ import annotations

from html import escape

from annotators.flags.kinds import GROUPS, KINDS, Field, Kind


def kinds_help() -> str:
    """The kinds of flags as HTML: what each is for, asks for and becomes, and whether it needs a partner."""
    groups = "".join(
        f'<tr><th scope="rowgroup" colspan="4">{escape(group)}</th></tr>'
        + "".join(_line(kind) for kind in KINDS.values() if kind.group == group)
        for group in GROUPS
    )
    return (
        "<h3>Kinds of flags</h3>"
        "<p>A flag holds one claim. Where two are joined, as in “a dog barking and a bell ringing”, the form "
        "offers to flag them one at a time. A row that needs a partner is balanced by another sound, where "
        "another answer to the same question is right.</p>"
        '<table class="rows kinds"><thead><tr><th scope="col">kind</th><th scope="col">asks for</th>'
        '<th scope="col">becomes</th><th scope="col">partner</th></tr></thead>'
        f"<tbody>{groups}</tbody></table>"
    )


def kinds_in_words() -> str:
    """The kinds of flags as sentences for programs: what claim, attribute and correction are of each."""
    return " ".join(f"{kind.id} takes {_arguments(kind)}" for kind in KINDS.values())


def _line(kind: Kind) -> str:
    asks = "<br>".join(escape(field.asked) for field in kind.fields) or "nothing more"
    tasks = "".join(f"<br><small>{escape(task.title)}</small>" for task in kind.tasks)
    partner = "" if not kind.tasks else "needed" if kind.needs_partner else "not needed"
    sets = "; ".join(line for field in kind.fields for line in _closed_sets(kind, field, field.label))
    among = f'<tr><td colspan="4"><small>{escape(sets)}</small></td></tr>' if sets else ""
    return (
        f"<tr><td><b>{escape(kind.title)}</b><br>{escape(kind.help)}</td><td>{asks}</td>"
        f"<td>{escape(kind.becomes)}{tasks}</td><td>{partner}</td></tr>{among}"
    )


def _arguments(kind: Kind) -> str:
    told = []
    for field in kind.fields:
        optional = "" if field.required else "optional; "
        sets = "; ".join(_closed_sets(kind, field, "one of"))
        meaning = field.help.rstrip(".")
        told.append(
            f"{field.name} ({optional}{meaning[0].lower()}{meaning[1:]}{f'; {sets}' if sets else ''})"
        )
    return f"{', '.join(told) or 'nothing'}."


def _closed_sets(kind: Kind, field: Field, name: str) -> list[str]:
    """What a field is chosen from, a line for each closed set behind its name; none for free words."""
    if field.by_aspect:
        return [f"{aspect.name}: {', '.join(aspect.answers)}" for aspect in kind.aspects]
    return [f"{name}: {', '.join(field.choices)}"] if field.choices else []
