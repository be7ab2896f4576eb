"""Step ends found on token ids: byte-level merges, Unigram with a Metaspace, byte fallback,
WordPiece.
"""

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from pipeline.lm.step_ends import line_ends, token_ends
from pipeline.lm.tokenizer import train_tokenizer

TAUGHT = [" 3+4=7\n7*2=14\n\\boxed{14} 小明有苹果 一共个。" * 3, "1=1\n\n 3+4=7"]
TEXTS = [
    " 3+4=7\n7*2=14\n\\boxed{14}",
    " 小明有3个苹果3+4=7\n\n一共7*2=14个。\n\\boxed{14}",
    " 3+4=7",
    " ",
    "\n\n 1=1\n",
    " é😀\n😀😀\nx",
]


def metaspace(raw: Tokenizer) -> PreTrainedTokenizerFast:
    """As SentencePiece: a space is a letter, the first one is dropped in decoding, so pieces do not
    add up to the text.
    """
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.Metaspace()]
    )
    raw.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="</s>", unk_token="<unk>")


def unigram() -> PreTrainedTokenizerFast:
    raw = Tokenizer(models.Unigram())
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.Metaspace()]
    )
    raw.train_from_iterator(
        TAUGHT * 20,
        trainers.UnigramTrainer(
            vocab_size=60, unk_token="<unk>", special_tokens=["<unk>", "</s>"], show_progress=False
        ),
    )
    return metaspace(raw)


def byte_fallback() -> PreTrainedTokenizerFast:
    """Characters outside the vocabulary are several tokens, none of which decodes alone."""
    known = [
        "<unk>",
        "</s>",
        *(f"<0x{byte:02X}>" for byte in range(256)),
        "▁",
        *sorted(set("".join(TAUGHT)) - {" "}),
        "=7",
        "▁3",
    ]
    merges = [("=", "7"), ("▁", "3")]
    model = models.BPE(
        vocab={token: i for i, token in enumerate(known)},
        merges=merges,
        byte_fallback=True,
        unk_token="<unk>",
    )
    return metaspace(Tokenizer(model))


def wordpiece() -> PreTrainedTokenizerFast:
    """Puts spaces between its pieces; what it decodes to is the text that counts."""
    raw = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    raw.normalizer, raw.decoder = normalizers.NFKC(), decoders.WordPiece(cleanup=False)
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.Punctuation()]
    )
    raw.train_from_iterator(
        TAUGHT * 20,
        trainers.WordPieceTrainer(
            vocab_size=120, special_tokens=["[UNK]", "</s>"], show_progress=False
        ),
    )
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="</s>", unk_token="[UNK]")


TOKENIZERS = {
    "merges_260": lambda: train_tokenizer(TAUGHT, 260),
    "merges_300": lambda: train_tokenizer(TAUGHT, 300),
    "merges_420": lambda: train_tokenizer(TAUGHT, 420),
    "unigram": unigram,
    "byte_fallback": byte_fallback,
    "wordpiece": wordpiece,
}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("kind", TOKENIZERS)
def test_the_first_token_that_completes_a_step_ends_it(kind, text):
    tok = TOKENIZERS[kind]()
    tokens = tok.encode(text, add_special_tokens=False) + [tok.eos_token_id]

    def decoded(count):
        return tok.decode(
            tokens[:count], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )

    text = decoded(len(tokens))  # what the policy's output is read as
    ends = line_ends(text)
    found = token_ends(tok, tokens, text, ends)
    assert len(found) == len(ends) and found[-1] == len(tokens) - 1 and found == sorted(found)
    for end, t in list(zip(ends, found, strict=True))[:-1]:
        assert decoded(t + 1).startswith(text[:end])
        assert not any(decoded(before).startswith(text[:end]) for before in range(1, t + 1))


def test_characters_of_several_tokens_survive_byte_fallback():
    tok = byte_fallback()
    tokens = tok.encode(TEXTS[-1], add_special_tokens=False)
    text = tok.decode(tokens, skip_special_tokens=True)
    assert (
        text.count("😀") == 3
        and len(line_ends(text)) == 3
        and "\ufffd" in tok.decode(tokens[1:2] + tokens[3:4])
    )


def test_a_token_that_holds_two_line_ends_keeps_the_order():
    class Whole:
        def decode(self, ids, **_):
            return "".join({0: "1=1\n2=2\n", 1: "3=3", 2: ""}[i] for i in ids)

    assert token_ends(Whole(), [0, 1, 2], "1=1\n2=2\n3=3", [3, 7, 11]) == [0, 0, 2]
