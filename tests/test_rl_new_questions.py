"""RL on questions that the instruction data does not have, with a control of its own."""

from types import SimpleNamespace

import pytest
import rl_tiny

from pipeline.errors import UserError
from pipeline.lm.model import save_model
from pipeline.rl.config import ArmConfig
from pipeline.rl.data_source import question_at
from pipeline.wiring.config import build
from pipeline.world.build import build_questions
from pipeline.world.config import WorldConfig
from stages.rl import RLStage, read_inputs

ARM = {"data_source": "online", "reward_function": "rule", "gradient_coefficient": "grpo_outcome"}
CONTROL = {"data_source": "sft", "reward_function": "none", "gradient_coefficient": "sft"}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> SimpleNamespace:
    data = tmp_path_factory.mktemp("data")
    world = WorldConfig(instruct=60, questions=20, new_questions=12, validation=4, benchmark=2)
    build_questions(world, data / "world")
    chain = data / "chains/0"
    save_model(rl_tiny.policy(), rl_tiny.tokenizer(), chain / "sft/model")
    return SimpleNamespace(data=data, chain=chain)


def inputs(run, arm: dict, questions: str):
    rl = {"name": "some", "questions": questions, **arm}
    return read_inputs(build(RLStage, {"profile": "mini", "rl": rl}), run, "cpu")


def test_the_two_pools_share_no_question(run) -> None:
    taught, new = (inputs(run, ARM, name).questions for name in ("taught", "new"))
    assert (len(taught), len(new)) == (20, 12)
    assert not {q.structure for q in taught} & {q.structure for q in new}


def test_the_control_learns_the_solutions_of_the_same_questions(run) -> None:
    found = inputs(run, CONTROL, "new")
    assert {i.id for i in found.instructions} == {q.id for q in found.questions}
    assert len(inputs(run, CONTROL, "taught").instructions) > len(found.instructions)


def test_a_card_names_what_the_arm_learned_from() -> None:
    for arm, file in ((ARM, "new/questions.jsonl"), (CONTROL, "new/instruct.jsonl")):
        assert ArmConfig("some", **arm, questions="new").source_file == file
    assert ArmConfig("some", **ARM).source_file == "questions.jsonl"


def test_an_empty_pool_of_new_questions_is_one_line() -> None:
    with pytest.raises(UserError, match="world.new_questions"):
        question_at([], 0)
