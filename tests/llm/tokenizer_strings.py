# ruff: noqa: RUF001 - letters of other scripts are meant
"""The texts with which tokenizers are compared: 2,400 of them, always the same ones.

Leaves: text of code, many scripts, emoji with joiners, right-to-left runs, runs of newlines and
digits, look-alikes of control tokens, random characters, combining marks. All are well-formed, as
Hugging Face's `tokenizers` takes no others; `raw_bytes` has those that are not.
"""

from __future__ import annotations

import random

COUNT = 2400

PROSE = (
    "The quick brown fox jumps over the lazy dog.",
    "It's what they've said: we're done, I'll go, she'd stay, I'm not, don't! CAN'T YOU'LL",
    "Price: $1,234.56 (approx. 99%) -- see https://example.com/a?b=c&d=e#f",
    "naïve café résumé Ångström coöperate ŒUVRE straße ﬁn",
    "Zażółć gęślą jaźń, Příliš žluťoučký kůň, Đường phố Hà Nội",
    "Быстрая коричневая лиса перепрыгивает через ленивую собаку",
    "Η γρήγορη καφέ αλεπού πηδάει πάνω από το τεμπέλικο σκυλί",
    "敏捷的棕色狐狸跳过了懒狗。今天天气很好,我们去公园吧!",
    "素早い茶色の狐がのろまな犬を飛び越える。カタカナとひらがな、漢字。",
    "빠른 갈색 여우가 게으른 개를 뛰어넘습니다. 안녕하세요",
    "الثعلب البني السريع يقفز فوق الكلب الكسول ١٢٣٤٥",
    "השועל החום המהיר קופץ מעל הכלב העצלן שָׁלוֹם",
    "तेज भूरी लोमड़ी आलसी कुत्ते के ऊपर कूद जाती है १२३",
    "สุนัขจิ้งจอกสีน้ำตาลกระโดดข้ามสุนัขขี้เกียจ",
    "ქართული ენა, Հայերեն լեզու, አማርኛ ቋንቋ, ភាសាខ្មែរ",
)
CODE = (
    "def f(x):\n    return x ** 2  # square\n\n\nif __name__ == '__main__':\n\tprint(f(3))\n",
    "for (int i = 0; i < 1000000; ++i) {\n\tsum += a[i] * b[i];\n}\n",
    "SELECT id, name FROM users WHERE age >= 18 AND name LIKE '%O''Brien%';",
    '{"key": [1, 2.5e-10, null, true], "nested": {"a": "\\u00e9"}}',
    "<div class='x' id=\"y\">&nbsp;&amp;</div><!-- comment -->\r\n",
    "x=lambda a,b:a+b;y=x(1,2)if True else~0;z=[i for i in range(10)if i%2==0]",
    "HTTPServer parseXMLHttpRequest camelCaseName SCREAMING_SNAKE_CASE kebab-case-name",
    "\\begin{equation}\\alpha_{i,j}=\\frac{1}{2}\\sum_{k=0}^{n}x^k\\end{equation}",
    "#include <stdio.h>\n#define MAX(a,b) ((a)>(b)?(a):(b))\n/* // */ //** /path/to/file",
    "0x1F 0b1010 1_000_000 1e10 3.14159265358979 v1.2.3-rc.4+build.567 192.168.100.200",
)
EMOJI = ("😀", "👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇩🇪🇫🇷", "❤️", "🧑🏿‍💻", "☺", "#️⃣", "🫠", "👨🏻‍❤️‍💋‍👨🏾")
CONTROL = (
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|begin_of_text|>",
    "<|start_header_id|>user<|end_header_id|>\n\n",
    "<s>",
    "</s>",
    "<unk>",
    "<pad>",
    "<bos>",
    "<start_of_turn>user\n",
    "<end_of_turn>",
    "[INST]",
    "[/INST]",
    "<think>",
    "</think>",
    "<tool_call>",
    "<|im_start",
    "|im_end|>",
    "<<|im_end|>>",
    "<|im_start|><|im_end|>",
    "<0x0A>",
    "<|",
    "|>",
    "< |im_end|>",
    "<|IM_END|>",
    "<|im_\u200bend|>",
)
BLANKS = (
    " ",
    "  ",
    "   ",
    "\t",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    " \n",
    "\n ",
    "\u00a0",
    "\u3000",
    "\u2003",
    "\u2028",
    "\x0b",
    "\x0c",
    "\x85",
    "\u200b",
    "\ufeff",
    "\u1680",
    " \t \n \n  ",
)
DIGITS = (
    "0",
    "7",
    "12",
    "123",
    "1234",
    "12345678901234567890",
    "٣٤٥",
    "१२३४",
    "Ⅷ",
    "½",
    "²",
    "①",
    "𝟘𝟙𝟚",
    "๑๒๓๔",
)
WORDS = (
    "a",
    "the",
    "Hello",
    "WORLD",
    "iPhone",
    "don't",
    "I'LL",
    "we'ſ",
    "x'S",
    "'t",
    "'re'",
    "ſo",
    "ÀÉ",
    "e\u0301",
    "n\u0303o",
    "A\u030a\u0323",
    "\u0301",
    "ǅ",
    "ʰ",
    "ªº",
    "Ω",
    "Å",
    "ﬀ",
    "가각",
    "\u1100\u1161\u11a8",
    "क्षि",
    "ไม่",
    "مُحَمَّد",
    "𝔘𝔫𝔦",
    "𐐀𐐨",
    "ꙮ",
    "_x_",
    "▁",
    "▁▁a",
    "\U00010940",
    "\U0001e900\U0001e922",
)
SYMBOLS = (
    "!",
    "?",
    ".",
    ",",
    ";",
    ":",
    "...",
    "--",
    "—",
    "'",
    '"',
    "`",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "/",
    "//",
    "\\",
    "|",
    "&&",
    "@",
    "#",
    "$",
    "%",
    "^",
    "*",
    "+",
    "=",
    "==",
    "!=",
    "<",
    ">",
    "=>",
    "~",
    "€",
    "©",
    "→",
    "…",
    "「",
    "」",
    "・",
    "。",
    "\u200d",
    "\ufe0f",
    "\u0000",
    "\x01",
    "\x7f",
    "\ufffd",
)


def strings() -> list[str]:
    """Give the texts."""
    source = random.Random(8)
    texts = ["", *PROSE, *CODE, *EMOJI, *CONTROL, *BLANKS, *DIGITS, *WORDS, *SYMBOLS]
    pools = (PROSE, CODE, EMOJI, CONTROL, BLANKS, DIGITS, WORDS, SYMBOLS)
    while len(texts) < 1400:
        texts.append(_mixed(source, pools))
    while len(texts) < 1700:
        texts.append(_characters(source))
    while len(texts) < 2000:
        texts.append(_marks(source))
    while len(texts) < 2200:
        texts.append(_runs(source))
    while len(texts) < COUNT:
        texts.append(_slices(source))
    return texts


def raw_bytes() -> list[bytes]:
    """Give byte strings that are mostly no UTF-8."""
    source = random.Random(9)
    return [source.randbytes(source.randint(1, 40)) for _ in range(100)]


def _mixed(source: random.Random, pools: tuple[tuple[str, ...], ...]) -> str:
    return "".join(
        source.choice(source.choice(pools[2:] if source.random() < 0.9 else pools))
        for _ in range(source.randint(2, 12))
    )


def _characters(source: random.Random) -> str:
    """Give characters of all planes."""
    limits = (0x80, 0x250, 0x3000, 0x10000, 0x20000, 0x110000)
    text = ""
    for _ in range(source.randint(1, 24)):
        code = source.randrange(source.choice(limits))
        text += chr(code) if not 0xD800 <= code < 0xE000 else " "
    return text


def _marks(source: random.Random) -> str:
    """Give letters with combining marks in any order, composed or not."""
    marks = "\u0300\u0301\u0302\u0303\u0308\u030a\u0316\u0323\u0327\u0328\u0331\u0345"
    marks += "\u05b4\u05bc\u0651\u064e"
    letters = "aeiouAEIOUncszÀéïõüçşǖṩạ가힣각אش 1."
    text = ""
    for _ in range(source.randint(1, 10)):
        text += source.choice(letters)
        text += "".join(source.choice(marks) for _ in range(source.randint(0, 4)))
    return text


def _runs(source: random.Random) -> str:
    """Give runs of one character."""
    text = ""
    for _ in range(source.randint(1, 5)):
        text += source.choice(" \n\t\r0195aZé中!-=/.'\u3000ا🙂_") * source.choice(
            (1, 2, 3, 4, 5, 7, 16, 33, 90)
        )
    return text


def _slices(source: random.Random) -> str:
    """Give parts of the prose and the code, cut anywhere."""
    text = source.choice(PROSE + CODE) + source.choice(PROSE + CODE)
    start = source.randrange(len(text) - 1)
    return text[start : start + source.randint(1, 80)]
