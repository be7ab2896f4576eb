"""Chat templates and special tokens, as each published tokenizer has them."""

from __future__ import annotations

from datetime import date

from pipeline.lm.tokenizer import CHAT_TEMPLATE

TODAY = date(2024, 7, 26)  # Llama 3.1's own, for a template that is told no date


def apply_template(tokenizer, messages: list[dict], **options) -> str:
    """The conversation as the chat template writes it; the paper's template where there is none.

    Templates that tell the date (Llama 3, SmolLM3) are told one and the same date, so that prompts
    do not change at midnight.
    """
    if not tokenizer.chat_template:
        bos = tokenizer.bos_token if puts_bos(tokenizer) else ""
        options |= {"chat_template": CHAT_TEMPLATE, "bos_token": bos}
    return tokenizer.apply_chat_template(
        messages,
        tokenize=False,
        date_string=TODAY.strftime("%d %b %Y"),
        strftime_now=TODAY.strftime,
        **options,
    )


def end_tokens(tokenizer, model=None) -> tuple[int, ...]:
    """Every token that ends an output, the tokenizer's own end first.

    The others are those that the model's generation configuration lists (Llama 3, Gemma-it,
    Phi-3.5) and the one that ends the assistant's turn in the chat template (Qwen2.5's base model
    lists its end of text alone).
    """
    found = [tokenizer.eos_token_id, *turn_end(tokenizer)]
    if model is not None:
        listed = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
        listed = model.config.eos_token_id if listed is None else listed
        found += listed if isinstance(listed, (list, tuple)) else [listed]
        found = [token for token in found if token is not None and token < model.config.vocab_size]
    return tuple(dict.fromkeys(found))


def turn_end(tokenizer) -> list[int]:
    """The special token right after the assistant's words in the chat template, if there is one."""
    if not tokenizer.chat_template:
        return []
    words = "words"
    turns = [{"role": "user", "content": words}, {"role": "assistant", "content": words}]
    after = apply_template(tokenizer, turns).rpartition(words)[2]
    special = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    return [i for i in tokenizer.encode(after, add_special_tokens=False)[:1] if i in special]


def puts_bos(tokenizer) -> bool:
    """Whether texts for this tokenizer's model begin with its BOS.

    They do where the tokenizer itself puts one in front, or its chat template names it. A BOS may
    exist for other ends: SmolLM2's is the token that opens a turn.
    """
    bos = tokenizer.bos_token_id
    if bos is None:
        return False
    return bos in tokenizer.encode("a")[:1] or "bos_token" in (tokenizer.chat_template or "")
