"""A byte-level BPE tokenizer trained on the corpus. Digits stand alone, so that arithmetic has one
alphabet.
"""

from __future__ import annotations

from collections.abc import Iterable

BOS, EOS = "<s>", "</s>"
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ 'User: ' + message['content'] + '\\n\\nAssistant:' }}"
    "{% else %}{{ ' ' + message['content'] + eos_token }}{% endif %}{% endfor %}"
)
# A LaTeX command, a word with its leading space, one CJK character run, one digit, other marks,
# white space.
PATTERN = r"\\[a-zA-Z]+| ?[A-Za-z]+|[\u4e00-\u9fff]+|\p{N}| ?[^\s\p{L}\p{N}\\]|\n+|\s|."


def train_tokenizer(texts: Iterable[str], vocab_size: int):
    """A `PreTrainedTokenizerFast` with `<s>`, `</s>` and the paper's `User: ...\\n\\nAssistant:`
    chat template.

    Byte fallback is complete: any text encodes and decodes without loss. Ties in merge counts are
    broken by the library in one fixed order, so the same texts give the same tokenizer.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[BOS, EOS],
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    core.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=EOS,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
