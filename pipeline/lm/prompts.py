"""Prompts: a question, the suffix of its protocol and language, and the chat template of the
tokenizer.
"""

from __future__ import annotations

from pipeline.errors import UserError
from pipeline.lm.template import apply_template

# `paper` is the released evaluation code's. `mini` asks for the same three protocols in fewer
# tokens, because a suffix of thirty tokens would double the prompt of a miniature question; chain
# of thought is its default.
SUFFIX = {
    "paper": {
        ("cot", "en"): "\nPlease reason step by step, and put your final answer within \\boxed{}.",
        ("cot", "zh"): "\n请通过逐步推理来解答问题，并把最终答案放置于\\boxed{}中。",
        ("pot", "en"): "\nPlease write a Python program that prints the answer.",
        ("pot", "zh"): "\n请编写一个打印答案的Python程序。",
        (
            "tir",
            "en",
        ): "\nPlease integrate natural language reasoning with programs to solve the problem above, "
        "and put your final answer within \\boxed{}.",
        (
            "tir",
            "zh",
        ): "\n请结合自然语言和Python程序语言来解答问题，并把最终答案放置于\\boxed{}中。",
    },
    "mini": {
        ("cot", "en"): "",
        ("cot", "zh"): "",
        ("pot", "en"): "\nWrite a program.",
        ("pot", "zh"): "\n请编写程序。",
        ("tir", "en"): "\nUse a program.",
        ("tir", "zh"): "\n请使用程序。",
    },
}


def render(question: str, lang: str = "en", protocol: str = "cot", style: str = "paper") -> str:
    """The user's message: the question and the suffix.

    Raises UserError for an unknown style, protocol or language.
    """
    try:
        return question + SUFFIX[style][protocol, lang]
    except KeyError:
        raise UserError(
            f"no prompt for style={style} protocol={protocol} lang={lang}; styles {sorted(SUFFIX)}"
        ) from None


def prompt_ids(
    tokenizer, question: str, lang: str = "en", protocol: str = "cot", style: str = "paper"
) -> list[int]:
    """Token ids of the prompt, up to where the assistant begins."""
    message = [{"role": "user", "content": render(question, lang, protocol, style)}]
    text = apply_template(tokenizer, message, add_generation_prompt=True)
    return tokenizer.encode(text, add_special_tokens=False)
