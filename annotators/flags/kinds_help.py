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
    return " ".join(f"{kind.id}: {_arguments(kind)}" for kind in KINDS.values())


def _line(kind: Kind) -> str:
    asks = "<br>".join(_asked(kind, field) for field in kind.fields) or "nothing more than the words"
    tasks = "".join(f"<br><small>{escape(task.title)}</small>" for task in kind.tasks)
    partner = "" if not kind.tasks else "needed" if kind.needs_partner else "not needed"
    return (
        f"<tr><td><b>{escape(kind.title)}</b><br>{escape(kind.help)}</td><td>{asks}</td>"
        f"<td>{escape(kind.becomes)}{tasks}</td><td>{partner}</td></tr>"
    )


def _asked(kind: Kind, field: Field) -> str:
    optional = "" if field.required else " <small>if any</small>"
    among = "".join(f"<br><small>{escape(line)}</small>" for line in _closed_sets(kind, field))
    return f"{escape(field.label)}{optional}{among}"


def _arguments(kind: Kind) -> str:
    told = []
    for field in kind.fields:
        optional = "" if field.required else ", optional"
        among = "; ".join(_closed_sets(kind, field))
        told.append(f"{field.name} = {field.label}{optional}{f' ({among})' if among else ''}")
    return f"{', '.join(told) or 'nothing more'}."


def _closed_sets(kind: Kind, field: Field) -> list[str]:
    """What a field is chosen from, a line for each closed set; none for free words."""
    if field.by_aspect:
        return [f"{aspect.name}: {', '.join(aspect.answers)}" for aspect in kind.aspects]
    return [", ".join(field.choices)] if field.choices else []
