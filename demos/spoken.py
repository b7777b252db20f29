"""Which part of an answer says what was spoken: its words name no sound that is heard."""

from __future__ import annotations

import re

# The wordings of SALMONN's published prompts for speech, and what people write instead of them.
_ASKS_FOR_SPEECH = re.compile(
    r"\btranscri|\btranslat|\blyrics\b|\bkeywords\b|recogni[sz]e (?:the|each|this)? ?speech|"
    r"(?:speech|song).{0,20} write down|\b(?:is|was|being|were) (?:said|spoken)\b|"
    r"\b(?:speakers?|person|people|somebody|someone|man|woman|they|he|she) (?:really )?sa(?:y|ys|id|ying)\b"
)
_REPORTS_SPEECH = re.compile(
    r"(?:says?|asks?|said|asked)[:,]? (?P<told>.+?)(?=[.,;]? in the background\b|$)|"
    r"[“\"](?P<quoted>[^”\"]+)[”\"]",
    re.DOTALL | re.IGNORECASE,
)


def told_of_sounds(instruction: str, text: str) -> str:
    """The answer with blanks for what it says was spoken, as long as before: all of a transcript."""
    if _ASKS_FOR_SPEECH.search(instruction.lower()):
        return " " * len(text)
    left = list(text)
    for found in _REPORTS_SPEECH.finditer(text):
        start, stop = found.span("told" if found["told"] else "quoted")
        left[start:stop] = " " * (stop - start)
    return "".join(left)
