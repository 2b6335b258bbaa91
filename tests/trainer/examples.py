"""Training data for the trainer's tests, in English and Chinese."""

from __future__ import annotations

import json
from collections.abc import Iterable

ANSWERS = {
    "How do I return a kettle?": "Bring it back within 30 days, with the receipt.",
    "When does the shop open on Sundays?": "At eleven, and it closes at five.",
    "Do you repair old radios?": "We do, every Tuesday afternoon.",
    "Where is my parcel?": "Follow the link in the message that we sent you.",
    "Can I pay in two parts?": "Yes, half now and half on delivery.",
    "Which lamp suits a small kitchen?": "The Pinova, flat and bright.",
    "退货需要多长时间？": "收到商品后七天之内都可以退货。",
    "你们周末营业吗？": "周六营业，周日休息。",
    "运费是多少？": "满一百元免运费，否则十元。",
    "可以开发票吗？": "可以，请在订单里填写抬头。",
    "Is the blue vase still there?": "The last one went on Friday.",
    "怎么修改收货地址？": "发货之前在订单页面修改。",
}


def chat_line(question: str, answer: str) -> dict[str, object]:
    """One supervised example."""
    return {
        "messages": [
            {"role": "system", "content": "You answer for a small shop."},
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    }


def preference_line(question: str) -> dict[str, object]:
    """One preference example."""
    return {
        "input": {"messages": [{"role": "user", "content": question}]},
        "preferred_output": [{"role": "assistant", "content": "Gladly."}],
        "non_preferred_output": [{"role": "assistant", "content": "No."}],
    }


def jsonl(rows: Iterable[object]) -> bytes:
    """Rows as the bytes of a file."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def chat_file(n: int = 12) -> bytes:
    """A supervised file of `n` examples; beyond 12 they repeat with a number."""
    pairs = list(ANSWERS.items())
    return jsonl(chat_line(q if i < 12 else f"{q} ({i})", a) for i in range(n) for q, a in [pairs[i % 12]])
