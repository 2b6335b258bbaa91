"""Finds the training prompt that is most similar to a question, in any script, without a model."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

_WORDS = re.compile(r"[^\W_]+")
_NO_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")  # CJK, kana, hangul


def features(text: str) -> Counter[str]:
    """Words in scripts with spaces; single characters and pairs in scripts without."""
    found: Counter[str] = Counter()
    lowered = text.lower()
    for run in _NO_SPACES.findall(lowered):
        found.update(run)
        found.update(run[i : i + 2] for i in range(len(run) - 1))
    found.update(_WORDS.findall(_NO_SPACES.sub(" ", lowered)))
    return found


class PromptIndex:
    """An inverted index with tf-idf weights over the remembered prompts."""

    def __init__(self, prompts: Sequence[str]) -> None:
        bags = [features(prompt) for prompt in prompts]
        seen_in = Counter(feature for bag in bags for feature in bag)
        self._rarity = {f: math.log(1 + len(bags) / n) for f, n in seen_in.items()}
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._exact: dict[str, int] = {}
        for index, (prompt, bag) in enumerate(zip(prompts, bags, strict=True)):
            self._exact.setdefault(prompt.strip(), index)
            norm = math.sqrt(sum((n * self._rarity[f]) ** 2 for f, n in bag.items())) or 1.0
            for feature, n in bag.items():
                self._postings[feature].append((index, n * self._rarity[feature] / norm))

    def closest(self, question: str) -> tuple[int, float] | None:
        """Index and cosine similarity of the best prompt, the first among equals, if any shares a word."""
        exact = self._exact.get(question.strip())
        if exact is not None:
            return exact, 1.0
        bag = features(question)
        weights = {f: n * self._rarity[f] for f, n in bag.items() if f in self._rarity}
        norm = math.sqrt(sum(w * w for w in weights.values())) or 1.0
        scores: dict[int, float] = defaultdict(float)
        for feature, weight in weights.items():
            for index, other in self._postings[feature]:
                scores[index] += weight * other / norm
        if not scores:
            return None
        best = max(scores, key=lambda index: (round(scores[index], 9), -index))
        return best, scores[best]
