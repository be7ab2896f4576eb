"""Protocols: how a question becomes prompts, generations and the text that is graded
(EVAL_PROTOCOL).

Each is a function (engine, tokenizer, questions, seeds, sampling, cfg) -> one Transcript a
question, in order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.errors import UserError
from pipeline.evaluate import programs
from pipeline.evaluate.config import SHOWS, EvaluateConfig
from pipeline.evaluate.paper_prompts import Shown, program_of
from pipeline.lm.prompts import prompt_ids
from pipeline.lm.template import puts_bos
from pipeline.records import Instruction, Question

# question, solution and answer as the paper's few-shot prompts join them; the stop string begins
# the next question
SHOT = {
    "en": ("Q: {question}\nA: {solution}", " The answer is {answer}.", "\n\n\n", "\nQ:"),
    "zh": ("问题：{question}\n答案：{solution}", "所以答案是：{answer}。", "\n\n", "\n问题："),
}


@dataclass(frozen=True)
class Transcript:
    """`text`: all that was written, tool outputs included; `tokens`: ids the model drew; `judged`:
    what is graded."""

    text: str
    tokens: int
    finished: bool
    judged: str


def cot(
    engine,
    tokenizer,
    questions: Sequence[Question],
    seeds: Sequence[int],
    sampling,
    cfg: EvaluateConfig,
):
    """Chain of thought, zero-shot: one generation, graded as it stands."""
    outputs = engine.sample(chat_prompts(tokenizer, questions, "cot", cfg.style), seeds, sampling)
    return [
        Transcript(t, len(o.tokens), o.finished, t)
        for t, o in zip(_texts(tokenizer, outputs), outputs, strict=True)
    ]


def few_shot(
    engine,
    tokenizer,
    questions: Sequence[Question],
    seeds: Sequence[int],
    sampling,
    exemplars: Sequence[Instruction] | Shown,
):
    """Few-shot chain of thought for base models: raw text, no chat template; what follows the next
    question is cut."""
    outputs, texts, answers = _continue(engine, tokenizer, questions, seeds, sampling, exemplars)
    return [
        Transcript(t, len(o.tokens), o.finished, a)
        for t, o, a in zip(texts, outputs, answers, strict=True)
    ]


def pal(
    engine,
    tokenizer,
    questions: Sequence[Question],
    seeds: Sequence[int],
    sampling,
    exemplars: Sequence[Instruction] | Shown,
):
    """Few-shot programs for base models (PAL): raw text; the answer is what the program printed, as
    in `pot`."""
    outputs, _, answers = _continue(engine, tokenizer, questions, seeds, sampling, exemplars)
    if isinstance(exemplars, Shown):
        return _printed(outputs, answers, [program_of(exemplars, text) for text in answers])
    return _printed(outputs, answers)


def _continue(engine, tokenizer, questions, seeds, sampling, exemplars):
    """Outputs, texts and the part of each text that answers, when raw text with exemplars is
    continued."""
    if isinstance(exemplars, Shown):
        prompts = [_text_ids(tokenizer, exemplars.prompt(q.question)) for q in questions]
        stops = [exemplars.stops] * len(questions)
        outputs = engine.sample(prompts, seeds, replace(sampling, stop=exemplars.stops))
    else:
        prompts = [few_shot_ids(tokenizer, question, exemplars) for question in questions]
        stops = [(SHOT[question.lang][3],) for question in questions]
        every = tuple(s[3] for s in SHOT.values())
        outputs = engine.sample(prompts, seeds, replace(sampling, stop=every))
    texts = _texts(tokenizer, outputs)
    return outputs, texts, [_before(text, own) for text, own in zip(texts, stops, strict=True)]


def _before(text: str, stops: Sequence[str]) -> str:
    for stop in stops:
        text = text.split(stop)[0]
    return text


def _text_ids(tokenizer, text: str) -> list[int]:
    """Ids of raw text, after BOS where the model's texts begin with one."""
    ids = tokenizer.encode(text, add_special_tokens=False)
    return [tokenizer.bos_token_id, *ids] if puts_bos(tokenizer) else ids


def pot(
    engine,
    tokenizer,
    questions: Sequence[Question],
    seeds: Sequence[int],
    sampling,
    cfg: EvaluateConfig,
):
    """Program of thought: the answer is what the program prints. No program, a failed one or a
    silent one: no answer."""
    outputs = engine.sample(chat_prompts(tokenizer, questions, "pot", cfg.style), seeds, sampling)
    return _printed(outputs, _texts(tokenizer, outputs))


def _printed(
    outputs, texts: Sequence[str], code: Sequence[str | None] | None = None
) -> list[Transcript]:
    """Run the program of each text; what it prints is judged. code -- the programs, where they are
    no Python blocks."""
    code = [programs.program(text) for text in texts] if code is None else code
    ran = iter(programs.run_all([c for c in code if c is not None]))
    found = []
    for text, output, source in zip(texts, outputs, code, strict=True):
        result = next(ran) if source is not None else programs.Ran("", "no program")
        printed = "" if result.error else result.output.strip()[-1000:]
        full = (
            text
            if source is None
            else f"{text}\n{programs.OUTPUT}\n{programs.shown(result)}\n```\n"
        )
        found.append(
            Transcript(
                full,
                len(output.tokens),
                output.finished,
                f"\\boxed{{{printed}}}" if printed else "",
            )
        )
    return found


def tir(
    engine,
    tokenizer,
    questions: Sequence[Question],
    seeds: Sequence[int],
    sampling,
    cfg: EvaluateConfig,
):
    """Tool-integrated reasoning: a generation stops where it asks for output; its program runs, the
    output is fed back.

    At most `cfg.max_rounds` generations (the paper's code: 2). Graded on the text, as the paper's
    tables are."""
    ids = [list(p) for p in chat_prompts(tokenizer, questions, "tir", cfg.style)]
    texts, drawn, finished = [""] * len(ids), [0] * len(ids), [False] * len(ids)
    asking = list(range(len(ids)))
    for turn in range(cfg.max_rounds):
        outputs = engine.sample(
            [ids[i] for i in asking],
            [_turn_seed(seeds[i], turn) for i in asking],
            replace(sampling, stop=(programs.OUTPUT,)),
        )
        waiting = []
        for i, output, text in zip(asking, outputs, _texts(tokenizer, outputs), strict=True):
            ids[i] += output.tokens
            texts[i] += text
            drawn[i] += len(output.tokens)
            finished[i] = output.finished
            if programs.OUTPUT in text and programs.program(texts[i]) is not None:
                waiting.append(i)
        for i, ran in zip(
            waiting, programs.run_all([programs.program(texts[i]) for i in waiting]), strict=True
        ):
            told = ("" if texts[i].endswith("\n") else "\n") + f"{programs.shown(ran)}\n```\n"
            texts[i] += told
            ids[i] += tokenizer.encode(told, add_special_tokens=False)
        asking = waiting
        if not asking:
            break
    return [Transcript(t, n, f, t) for t, n, f in zip(texts, drawn, finished, strict=True)]


def chat_prompts(
    tokenizer, questions: Sequence[Question], protocol: str, style: str
) -> list[list[int]]:
    """Prompt ids of each question; a run of one question (its samples) is rendered once."""
    cache: dict[tuple[str, str], list[int]] = {}
    for q in questions:
        if (q.question, q.lang) not in cache:
            cache[q.question, q.lang] = prompt_ids(tokenizer, q.question, q.lang, protocol, style)
    return [cache[q.question, q.lang] for q in questions]


def few_shot_ids(tokenizer, question: Question, exemplars: Sequence[Instruction]) -> list[int]:
    """Ids of the exemplars and the open question, after BOS where the model's texts begin with
    one."""
    ask, close, between, _ = SHOT[question.lang]
    shots = [
        ask.format(question=e.question, solution=e.solution)
        + (close.format(answer=e.answer) if e.format == "cot" else "")
        for e in exemplars
    ]
    open_end = ask.format(question=question.question, solution="").rstrip(" ")
    if not exemplars:
        raise UserError("protocols few_shot and pal have no exemplars; set evaluate.shots")
    return _text_ids(tokenizer, between.join([*shots, open_end]))


def run_protocol(
    name: str,
    engine,
    tokenizer,
    questions,
    seeds,
    sampling,
    cfg: EvaluateConfig,
    exemplars: Sequence[Instruction] | Shown = (),
) -> list[Transcript]:
    """The protocol by its name; `exemplars` are what few_shot and pal show."""
    if name in SHOWS:
        return {"few_shot": few_shot, "pal": pal}[name](
            engine, tokenizer, questions, seeds, sampling, exemplars
        )
    return PROTOCOLS[name](engine, tokenizer, questions, seeds, sampling, cfg)


def _texts(tokenizer, outputs) -> list[str]:
    return [tokenizer.decode(output.tokens, skip_special_tokens=True) for output in outputs]


def _turn_seed(seed: int, turn: int) -> int:
    """Each turn draws anew; the first turn keeps the sample's own seed."""
    if turn == 0:
        return seed
    return (
        int.from_bytes(hashlib.blake2b(f"{seed}\x1f{turn}".encode(), digest_size=8).digest(), "big")
        >> 1
    )


PROTOCOLS = {"cot": cot, "pot": pot, "tir": tir}
