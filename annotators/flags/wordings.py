"""The sentences that instructions are made of: for each operation many questions and many answer formats.

An instruction is a question followed by a format. One of each is drawn per row; there are at least 20 of the
one and 6 of the other, as Dynamic-SUPERB's diversity rule wants. The format of a closed question spells out
the answers that the label is taken from. Names in braces are filled in by `annotators.flags.rows`:
{either} lists the answers as “a”, “b” or “c”, {all} as “a”, “b” and “c”, {each} as “a”, “b”, “c”.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """How one operation is put into words."""

    questions: tuple[str, ...]
    formats: tuple[str, ...]


_YES_OR_NO = (
    "Answer yes or no.",
    "The answer could be yes or no.",
    "Reply with yes or no.",
    "Please respond with either yes or no.",
    "Choose one of these answers: yes, no.",
    "Your answer should be one word, yes or no.",
    "The possible answers are yes and no.",
    "Say yes if it is so and no if it is not.",
)
_ONE_OF_THEM = (
    "The answer could be {either}.",
    "Answer {either}.",
    "Reply with one of these: {each}.",
    "Choose one of these answers: {each}.",
    "The possible answers are {all}.",
    "It is one of {all}; give the right one.",
    "Please respond with {either}, and nothing else.",
)

EXISTENCE = Wording(
    questions=(
        "Is there a sound of {sound} in the audio?",
        "Can you hear {sound}?",
        "Does the recording contain the sound of {sound}?",
        "Is {sound} audible in this clip?",
        "Do you notice {sound} in this recording?",
        "Can the sound of {sound} be heard here?",
        "Does {sound} occur in this audio?",
        "Is the sound of {sound} present in the recording?",
        "Listening to this clip, do you hear {sound}?",
        "Would a careful listener hear {sound} in this recording?",
        "Is {sound} one of the sounds in this audio?",
        "Does this clip include the sound of {sound}?",
        "Can {sound} be made out in the recording?",
        "Is {sound} to be heard at any point in this audio?",
        "At any moment of this clip, can you hear {sound}?",
        "Among the sounds of this recording, is there {sound}?",
        "Does any part of the audio have the sound of {sound}?",
        "Does what you hear include {sound}?",
        "Is this a recording in which {sound} can be heard?",
        "Tell whether {sound} can be heard in this clip.",
        "Decide whether the sound of {sound} is in the audio.",
    ),
    formats=_YES_OR_NO,
)

ORDER = Wording(
    questions=(
        "Does {first} come before {second}?",
        "Is {first} followed by {second}?",
        "Do you hear {first} before {second}?",
        "In this recording, does {first} happen before {second}?",
        "Is {first} heard earlier than {second}?",
        "Does {second} come after {first}?",
        "Is {second} heard later than {first}?",
        "Does the audio have {first} first and {second} afterwards?",
        "Is the order of the sounds {first}, then {second}?",
        "Does {first} precede {second} in this clip?",
        "Does {second} follow {first} in the recording?",
        "Of the two sounds, is it {first} that comes first and {second} that comes later?",
        "Listening to the clip, do you hear {first} and then {second}?",
        "Can {first} be heard first and {second} only after it?",
        "Does {first} begin earlier in this audio than {second}?",
        "Is it right that {first} occurs before {second}?",
        "Is it true of this recording that {second} comes later than {first}?",
        "Does the clip go from {first} to {second}?",
        "Tell whether {first} comes before {second} in the audio.",
        "Decide whether {second} is heard after {first}.",
    ),
    formats=_YES_OR_NO,
)

ATTRIBUTE = Wording(
    questions=(
        "Is it {holder} that is {attribute}?",
        "In this recording, is it {holder} that is {attribute}?",
        "Is {holder} {attribute} in this audio?",
        "Do you hear that {holder} is {attribute}?",
        "Can you hear {holder} {attribute}?",
        "Is there a sound of {holder} {attribute}?",
        "Does the clip have {holder} {attribute}?",
        "Does it sound as if {holder} is {attribute}?",
        "Would you say that {holder} is {attribute} in this clip?",
        "Is the one that is {attribute} {holder}?",
        "Is what is {attribute} here {holder}?",
        "Listening to the recording, is {holder} {attribute}?",
        "At any point of the audio, is {holder} {attribute}?",
        "Is it true of this recording that {holder} is {attribute}?",
        "Is it right to say that {holder} is {attribute} here?",
        "Does this audio let you hear {holder} {attribute}?",
        "From what can be heard, is it {holder} that is {attribute}?",
        "Is {holder} to be heard {attribute} in this recording?",
        "Tell whether {holder} is {attribute} in the clip.",
        "Decide whether it is {holder} that is {attribute}.",
    ),
    formats=_YES_OR_NO,
)

WORDS = Wording(
    questions=(
        "Which words are spoken in the recording?",
        "Which of these was said?",
        "What does the speaker say?",
        "What is said in this audio?",
        "Which wording do you hear?",
        "What words does the voice in the clip use?",
        "Which of the two was spoken?",
        "Listen to the speech: what is said?",
        "What can be heard being said here?",
        "Which phrase occurs in the recording?",
        "What do you hear the person say?",
        "Which of these phrases does the speech contain?",
        "What are the words that are spoken in this clip?",
        "How do the words in this recording go?",
        "Which of the two phrases is in the audio?",
        "What was really said in the recording?",
        "Which words match the speech that you hear?",
        "What did the speaker in this clip say?",
        "Choose the words that are spoken in the audio.",
        "Tell which words are said in this recording.",
        "Decide which wording was spoken.",
    ),
    formats=(
        "The answer could be {either}.",
        "Answer {either}.",
        "Reply with either {either}.",
        "Choose one of these answers: {each}.",
        "The possible answers are {all}.",
        "It is either {either}; give the right one.",
        "Please respond with {either}, and nothing else.",
    ),
)

TRANSCRIPTION = Wording(
    questions=(
        "Write down what is said in the recording.",
        "What is said in this audio?",
        "Transcribe the speech in this clip.",
        "Give a transcript of this recording.",
        "Which words are spoken here, from the first to the last?",
        "Listen and write down all that is said.",
        "Turn the speech in this audio into text.",
        "Note every word that you hear in the recording.",
        "What does the voice in this clip say, from beginning to end?",
        "Put the spoken words of this recording into writing.",
        "Recognise the speech in this clip.",
        "Please transcribe what can be heard being said.",
        "What are all the words in this audio?",
        "Write out the speech that you hear.",
        "Take down what is spoken in the recording.",
        "Tell everything that is said in this clip, word for word.",
        "Convert what is spoken here into written words.",
        "Report the exact words of this recording.",
        "What do you hear being said in the audio?",
        "Listen to the speech and type it out.",
        "Repeat in writing what the recording says.",
    ),
    formats=(
        "Answer with the transcript alone.",
        "Give the words and nothing else.",
        "Your answer should hold the spoken words only.",
        "Reply with all the words, in the order in which they are said.",
        "Please respond with plain text, without a remark of your own.",
        "The answer is the text of what is said.",
        "Leave out everything that is not spoken.",
    ),
)

# {asked} is a question whose subject is the word that asks, such as “how many people are speaking”: it reads
# the same by itself and inside another sentence.
CHOICE = Wording(
    questions=(
        "In this recording, {asked}?",
        "Listen to the clip: {asked}?",
        "Tell {asked} in this recording.",
        "Can you tell {asked} in the audio?",
        "Say {asked} in this clip.",
        "From what you hear, {asked}?",
        "Decide {asked} in the recording.",
        "Could you say {asked} here?",
        "Going by the sound alone, {asked}?",
        "Please tell {asked} in this audio.",
        "What would you say: {asked} in the clip?",
        "Listening to this recording, {asked}?",
        "Work out {asked} in this clip.",
        "As far as you can hear, {asked}?",
        "Pay attention to the audio and say {asked}.",
        "Listen closely and tell {asked}.",
        "What can be heard here: {asked}?",
        "I would like to know {asked} in this recording.",
        "The question is {asked} in this audio.",
        "Listen and find out {asked}.",
        "Determine {asked} in the audio clip.",
        "Judge by ear {asked} here.",
    ),
    formats=_ONE_OF_THEM,
)

# {asked} is what a person wrote: “where the recording was made” or “the name of the speaker”.
ABSTENTION = Wording(
    questions=(
        "Tell {asked}.",
        "From this recording, tell {asked}.",
        "Can you tell {asked}?",
        "What does the audio tell about {asked}?",
        "What can you say about {asked}?",
        "Going by the sound alone, what do you say about {asked}?",
        "Listen to the clip and tell {asked}.",
        "What do you hear about {asked}?",
        "What can be learned from this recording about {asked}?",
        "What does this clip let you say about {asked}?",
        "Judging by what can be heard, tell {asked}.",
        "Please tell {asked} after listening.",
        "Which answer fits the audio when someone wants to know {asked}?",
        "Someone wants to know {asked}. What do you answer after listening?",
        "After listening to this recording, what do you answer about {asked}?",
        "What is known from the sound about {asked}?",
        "I would like to know {asked}. What does the recording say?",
        "Try to tell {asked} by listening.",
        "Decide what this audio says about {asked}.",
        "Listen, then say what you know about {asked}.",
        "Choose the right answer about {asked}.",
    ),
    formats=_ONE_OF_THEM,
)
