"""Writes a chat file of any size, half English and half Chinese, the same in every run."""

import json
import random
from pathlib import Path

_ENGLISH = """
    the of and to in is that for it was on are as with they be at one have this from or had
    by not but what all were when we there can an your which their said if do will each about
    how up out them then she many some so these would other into has more her two like him
    see time could no make than first been its who now people my made over did down only way
    find use may water long little very after words called just where most know customer
    order delivery refund invoice account password reset payment shipping address product
    warranty replacement subscription cancel upgrade manager support ticket urgent question
    answer explain describe
"""
# Words, not characters at random: no text has those, and they would be cut into far more tokens.
_CHINESE = """
    的 是 我 在 了 您 这个 可以 我们 不 请 有 和 就 会 您好 订单 问题 客户 什么 如果 没有 时间
    现在 需要 已经 一个 怎么 还是 产品 公司 因为 所以 服务 使用 地址 收到 退款 付款 账户 密码 重新
    设置 发货 快递 物流 联系 客服 解决 谢谢 非常 抱歉 帮助 申请 信息 系统 页面 点击 选择 提供 手机
    号码 确认 完成 处理 工作日 之后 以及 或者 但是 他们 自己 知道 价格 优惠 商品 质量 颜色 尺寸 更换
    取消 会员 升级 版本 下载 安装 网络 连接 错误 显示 电脑 数据 文件 保存 删除 打开 关闭 支持 方法
    情况 建议 尽快 通知 邮件 发送 查看 详细 说明 要求 条件 合同 发票 税率 费用 包括 免费 北京 上海
    中国
"""
_COMMON, _WORDS = _ENGLISH.split(), _CHINESE.split()
_RANKS = {len(words): [1 / rank for rank in range(1, len(words) + 1)] for words in (_COMMON, _WORDS)}
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
    picked = _some(chance, _COMMON, words)
    for place in range(0, words, 9):
        picked[place] = picked[place].capitalize()
        picked[place - 1] += chance.choice((".", ",", "?", "!"))
    if chance.random() < 0.3:
        picked.append(f"#{chance.randint(1000, 99999)}")
    return " ".join(picked)


def _chinese(chance: random.Random, words: int) -> str:
    picked = _some(chance, _WORDS, words)
    for place in range(6, words, 7):
        picked[place] += chance.choice("，。？！")
    return "".join(picked)


def _some(chance: random.Random, words: list[str], count: int) -> list[str]:
    """Words with Zipf's frequencies, as in natural language."""
    return chance.choices(words, _RANKS[len(words)], k=count)
