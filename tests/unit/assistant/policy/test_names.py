"""The model for names: real pipelines made on the spot, nothing downloaded, a failure refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import spacy

from assistant.errors import SettingsError
from assistant.knowledge.guarding import DocumentGuard
from assistant.policy.files import PolicyReader
from assistant.policy.names import build_names, check_names
from assistant.policy.source import GuardSource
from assistant.settings import Settings
from policies.guard import Guard
from policies.pseudonyms import Pseudonyms
from policies.verdict import Direction, Verdict

SECRET = "AKIA2E4AQ3F2B44C7Q2X"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(
        [{"label": "PERSON", "pattern": "Maria Keller"}, {"label": "GPE", "pattern": "Uppsala"}]  # type: ignore[attr-defined]
    )
    folder = tmp_path_factory.mktemp("pipeline")
    nlp.to_disk(folder)
    return folder


def settings(tmp_path: Path, names: str) -> Settings:
    return Settings(data_dir=tmp_path, names=names)


def guard(tmp_path: Path, names: str, ask: Callable[[str], str] | None = None) -> Guard:
    chosen = settings(tmp_path, names)
    return PolicyReader.of(chosen, names=build_names(chosen, ask)).read().guard


def check(guard: Guard, text: str, direction: Direction = Direction.FILE) -> Verdict:
    return guard.check(text, direction=direction, persona="", roles=frozenset(), pseudonyms=Pseudonyms())


def test_a_spacy_pipeline_finds_names_in_files_and_jobs_alone(tmp_path: Path, pipeline: Path) -> None:
    judge = guard(tmp_path, f"spacy:{pipeline}")
    text = f"Maria Keller moved to Uppsala with {SECRET}."
    verdict = check(judge, text)
    assert verdict.text == "[PERSON_1] moved to [LOCATION_1] with [AWS_ACCESS_KEY_1]."
    assert [(one.finding.rule, one.label) for one in verdict.held_back][:2] == [
        ("personal/name", "name of a person"),
        ("personal/place", "name of a place"),
    ]
    assert check(judge, text, Direction.JOB).text == verdict.text
    for other in set(Direction) - {Direction.FILE, Direction.JOB}:
        assert check(judge, text, other).text == "Maria Keller moved to Uppsala with [AWS_ACCESS_KEY_1]."


def test_an_uploaded_document_loses_its_names(tmp_path: Path, pipeline: Path) -> None:
    guarded = DocumentGuard(GuardSource(guard(tmp_path, f"spacy:{pipeline}")))("Ask Maria Keller.")
    assert guarded.text == "Ask [PERSON 1]."


def test_a_name_on_the_border_of_two_pieces_is_found_once(tmp_path: Path, pipeline: Path) -> None:
    text = "word " * 9_998 + "Maria Keller " + "word " * 20
    assert check(guard(tmp_path, f"spacy:{pipeline}"), text).text.count("[PERSON_1]") == 1


def test_a_language_model_is_asked_without_secrets_and_believed_only_where_it_quotes(tmp_path: Path) -> None:
    prompts: list[str] = []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        quotes = [("Ana", "PERSON"), ("Invented", "PERSON"), ("Uppsala", "LOCATION"), ("read", "VERB")]
        return "```json\n" + json.dumps([{"quote": quote, "type": kind} for quote, kind in quotes]) + "\n```"

    text = f"Analysis by Ana, read in Uppsala. {SECRET}"
    verdict = check(guard(tmp_path, "llm:qwen2.5", ask), text)
    assert verdict.text == "Analysis by [PERSON_1], read in [LOCATION_1]. [AWS_ACCESS_KEY_1]"
    assert len(prompts) == 1
    assert SECRET not in prompts[0]


@pytest.mark.parametrize("answer", ["There are none.", "{}", "[", '"Ana"', ""])
def test_an_answer_that_is_no_list_refuses_the_text(tmp_path: Path, answer: str) -> None:
    chosen = settings(tmp_path, "llm:qwen2.5")
    names = build_names(chosen, lambda _: answer)
    assert names is not None
    judge = PolicyReader.of(chosen, names=names).read().guard
    verdict = check(judge, "Ana wrote this.")
    assert verdict.is_blocked
    assert verdict.failure == "NamesAnswerError"
    assert names.state == "failed: NamesAnswerError"
    assert check(judge, "Ana wrote this.", Direction.PROMPT).text == "Ana wrote this."


def test_without_model_hosts_the_text_is_refused(tmp_path: Path) -> None:
    assert check(guard(tmp_path, "llm:qwen2.5"), "Ana").failure == "UnavailableError"


def test_a_pipeline_that_does_not_load_fails_closed_and_says_so(tmp_path: Path) -> None:
    for name in ("meta.json", "config.cfg"):
        (tmp_path / name).write_text("{}")
    names = build_names(settings(tmp_path, f"spacy:{tmp_path}"))
    assert names is not None
    names.load()
    assert names.state.startswith("failed: ")
    assert not names.is_loaded
    assert check(PolicyReader.of(settings(tmp_path, "none"), names=names).read().guard, "Ana").is_blocked


def test_off_by_default(tmp_path: Path) -> None:
    assert build_names(Settings(data_dir=tmp_path)) is None


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("spacy", "is not 'none'"),
        ("stanza:en", "is not 'none'"),
        ("spacy:no_such_model", "Install its wheel"),
        ("gliner:/no/such/folder", "is not a folder"),
    ],
)
def test_what_is_missing_stops_the_start(tmp_path: Path, names: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        check_names(settings(tmp_path, names))


def test_a_gliner_folder_without_its_files_or_package_says_what_to_do(tmp_path: Path) -> None:
    chosen = settings(tmp_path, f"gliner:{tmp_path}")
    with pytest.raises(SettingsError, match=r"gliner_config\.json"):
        check_names(chosen)
    for name in ("gliner_config.json", "tokenizer_config.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(SettingsError, match=r"model\.onnx"):
        check_names(chosen)
    (tmp_path / "model.onnx").write_bytes(b"x")
    with pytest.raises(SettingsError, match=r"gliner\[onnx\]"):
        check_names(chosen)
