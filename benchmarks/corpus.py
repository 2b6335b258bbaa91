"""A chat file of any size, half English and half Chinese, the same for every run."""

import json
import random
from pathlib import Path

_COMMON = (
    "the of and to in is that for it was on are as with they be at one have this from or had by not but what all "
    "were when we there can an your which their said if do will each about how up out them then she many some so "
    "these would other into has more her two like him see time could no make than first been its who now people "
    "my made over did down only way find use may water long little very after words called just where most know "
    "customer order delivery refund invoice account password reset payment shipping address product warranty "
    "replacement subscription cancel upgrade manager support ticket urgent question answer explain describe"
).split()
_HAN = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方"
    "后多定行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它"
    "合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条"
)
_SYSTEM = "You are a careful assistant of a shop. Answer politely, in the customer's own language."


def write_chats(path: Path, size_bytes: int, seed: int = 7) -> int:
    """Write about `size_bytes` of conversations to `path`; returns how many."""
    chance = random.Random(seed)
    lines = 0
    with path.open("wb") as file:
        while file.tell() < size_bytes:
            file.write(b"".join(_line(chance, number) for number in range(lines, lines + 500)))
            lines += 500
    return lines


def _line(chance: random.Random, number: int) -> bytes:
    say = _english if number % 2 else _chinese
    turns = [{"role": "system", "content": _SYSTEM}]
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        turns.append({"role": "user", "content": say(chance, chance.randint(8, 60))})
        turns.append({"role": "assistant", "content": say(chance, chance.randint(20, 160))})
    return json.dumps({"messages": turns}, ensure_ascii=False).encode() + b"\n"


def _english(chance: random.Random, words: int) -> str:
    picked = chance.choices(_COMMON, k=words)
    for place in range(0, words, 9):
        picked[place] = f"{picked[place].capitalize()}"
        picked[place - 1] += chance.choice((".", ",", "?", "!"))
    if chance.random() < 0.3:
        picked.append(f"#{chance.randint(1000, 99999)}")
    return " ".join(picked)


def _chinese(chance: random.Random, chars: int) -> str:
    picked = chance.choices(_HAN, k=chars)
    for place in range(11, chars, 13):
        picked[place] = chance.choice("，。？！")
    return "".join(picked)
