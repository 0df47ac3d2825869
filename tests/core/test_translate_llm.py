"""A language model's server that goes wrong in every way: each line is translated or said to have failed."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from misbehaving_server import BROKEN, MODEL, SPOILT, MisbehavingServer, meaning

from dubline.backends.translators import llm_server
from dubline.backends.translators.llm import ALONE, DEAF, LanguageModel
from dubline.backends.translators.llm_prompts import WHOLE_GLOSSARY, read_reply, reply_schema
from dubline.errors import BackendFailed, Cancelled, DublineError, InvalidJob
from dubline.report import silent
from dubline.values.translated import Answer, SourceLine

pytest.importorskip("openai", reason="the openai client is not installed")


@pytest.fixture(autouse=True)
def no_pauses_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm_server, "PAUSE", 0.0)
    monkeypatch.setattr(llm_server, "LOOK", 0.01)
    for name in (*llm_server.KEYS, "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def film(count: int, *, first: int = 0) -> list[SourceLine]:
    return [
        SourceLine(
            key=f"key{i}",
            text=f"Ben {i} numarada bekledim{('.', '!', '?!', '...')[i % 4]}",
            ids=(i,),
            speaker=f"SPEAKER_{i % 3:02}",
            seconds=1.5,
            syllables=9,
        )
        for i in range(first, first + count)
    ]


def opened(server: MisbehavingServer | str, **options: Any) -> LanguageModel:
    address = server if isinstance(server, str) else server.address
    given: dict[str, Any] = {"model": MODEL, "source": "tr", "target": "en", "timeout": 20.0, **options}
    return LanguageModel(LanguageModel.Options(server=address, **given))


def answers(
    model: LanguageModel, lines: list[SourceLine], known: Mapping[str, Answer] | None = None
) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    for batch in model.translate(lines, known or {}, silent):
        assert not batch.keys() & found.keys()
        found.update(batch)
    return found


def texts(found: dict[str, Answer]) -> dict[str, str]:
    return {key: answer.candidates[0].text for key, answer in found.items() if answer.candidates}


# --- every line, whatever the server does ------------------------------------------------------


def test_a_whole_film_through_a_server_that_goes_wrong_two_times_in_three() -> None:
    lines = film(1511)
    faults = [*SPOILT, *BROKEN]

    def fault(number: int) -> str:
        return faults[number // 3 * 2 % len(faults) + number % 3 - 1] if number % 3 else ""

    ran = {fault(number) for number in range(150)}
    assert ran - {""} == set(faults)
    with MisbehavingServer(fault) as server, opened(server, candidates=1, batch=20) as model:
        found = answers(model, lines)
    assert list(found) == [line.key for line in lines]
    # Nothing got lost, nothing was mixed up, nothing of the source or the chatter came through.
    assert texts(found) == {line.key: meaning(line.text) for line in lines}


@pytest.mark.parametrize("fault", [*SPOILT, *BROKEN])
def test_one_fault_costs_no_line(fault: str) -> None:
    lines = film(7)
    with MisbehavingServer({0: fault}) as server, opened(server) as model:
        assert texts(answers(model, lines)) == {line.key: meaning(line.text) for line in lines}


def test_a_line_that_never_passes_is_said_to_have_failed() -> None:
    lines = film(8)
    bad = lines[5]
    with MisbehavingServer(spoilt_lines=(bad.text,)) as server, opened(server) as model:
        found = answers(model, lines)
    assert found[bad.key].candidates == () and len(found[bad.key].failure) > 5
    assert texts(found) == {line.key: meaning(line.text) for line in lines if line is not bad}
    alone = [r.user["lines"] for r in server.requests if [x["text"] for x in r.user["lines"]] == [bad.text]]
    assert len(alone) == ALONE
    assert all(request[0]["problem"] for request in alone)
    # Only the bad line was asked for again.
    assert sum(len(request.user["lines"]) for request in server.requests) == len(lines) + ALONE


def test_a_second_try_is_another_try() -> None:
    with MisbehavingServer(dict.fromkeys(range(9), "refusal")) as server, opened(server, seed=5) as model:
        found = answers(model, film(2))
    assert all("can't help" in answer.failure for answer in found.values())
    by_lines: dict[str, list[int]] = {}
    for request in server.requests:
        asked = json.dumps([line["id"] for line in request.user["lines"]])
        by_lines.setdefault(asked, []).append(request.body["seed"])
    assert by_lines["[1, 2]"] == [5]
    assert all(len(set(seeds)) == len(seeds) == ALONE for ids, seeds in by_lines.items() if ids != "[1, 2]")


def test_a_server_that_hangs_is_left_and_the_line_told() -> None:
    with MisbehavingServer(lambda number: "hang") as server, opened(server, timeout=0.2) as model:
        (answer,) = answers(model, film(1)).values()
    assert not answer.candidates and "0.2 s" in answer.failure


def test_a_server_that_answers_no_more_ends_the_work() -> None:
    lines = film(40)
    found: dict[str, Answer] = {}
    faulty = MisbehavingServer(lambda number: "error_500" if number >= 2 else "")
    with (
        faulty as server,
        opened(server) as model,
        pytest.raises(BackendFailed, match="out of memory") as told,
    ):
        for batch in model.translate(lines, {}, silent):
            found.update(batch)
    assert texts(found) == {line.key: meaning(line.text) for line in lines[:20]}
    assert told.value.hint
    assert len(server.requests) == 2 + DEAF * llm_server.TRIES


# --- context -----------------------------------------------------------------------------------


def test_the_model_is_told_the_last_translated_lines_in_order_with_their_speakers() -> None:
    lines = film(60)
    with MisbehavingServer() as server, opened(server, history=12, batch=7) as model:
        answers(model, lines)
    assert len(server.requests) == 9
    for number, request in enumerate(server.requests):
        before = lines[max(0, number * 7 - 12) : number * 7]
        assert request.user["history"] == [
            {"speaker": line.speaker, "source": line.text, "translation": meaning(line.text)}
            for line in before
        ]
        asked = lines[number * 7 : number * 7 + 7]
        assert [(x["text"], x["speaker"], x["syllables"]) for x in request.user["lines"]] == [
            (line.text, line.speaker, line.syllables) for line in asked
        ]


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_a_run_that_goes_on_asks_what_the_whole_run_would_have_asked(stop: int) -> None:
    lines = film(47)
    with MisbehavingServer() as server, opened(server) as model:
        whole = answers(model, lines)
    known: dict[str, Answer] = {}
    with MisbehavingServer() as first, opened(first) as model:
        batches = model.translate(lines, {}, silent)
        for _ in range(stop):
            known.update(next(batches))
    with MisbehavingServer() as second, opened(second) as model:
        rest = answers(model, lines, known)
    assert {**known, **rest} == whole and not known.keys() & rest.keys()
    assert [r.body for r in second.requests] == [r.body for r in server.requests][stop:]


def test_only_a_changed_line_is_asked_for_and_nothing_when_all_is_known() -> None:
    lines = film(30)
    with MisbehavingServer() as server, opened(server) as model:
        whole = answers(model, lines)
        known = {key: answer for key, answer in whole.items() if key != "key14"}
        assert answers(model, lines, known) == {"key14": whole["key14"]}
        assert len(server.requests) == 4
        assert server.requests[3].user["history"][-1]["source"] == lines[13].text
        assert answers(model, lines, whole) == {} and len(server.requests) == 4


@given(text=st.text(min_size=1))
def test_whatever_a_line_holds_it_arrives_as_one_line_of_data(text: str) -> None:
    from dubline.backends.translators.llm_prompts import user_prompt

    line = SourceLine(key="k", text=text, speaker='"}], "lines": [')
    told = json.loads(user_prompt([(1, line)], [(line, text)]))
    assert told["lines"] == [{"id": 1, "speaker": line.speaker, "text": text}]
    assert [entry["translation"] for entry in told["history"]] == [text]


def test_what_the_film_is_about_stands_first_and_stays_the_same() -> None:
    context = {"synopsis": "Two sisters sell a house.", "cast": {"SPEAKER_00": "Ayşe, 60, formal"}}
    with MisbehavingServer() as server, opened(server, glossary=(("konak", "manor"),), **context) as model:
        answers(model, film(25))
    (system,) = {request.system for request in server.requests}
    for word in ("Turkish", "English", "Two sisters", "Ayşe, 60, formal", "konak", "manor"):
        assert word in system


def test_of_a_long_glossary_only_the_terms_at_hand_are_sent() -> None:
    pairs = tuple((f"terim{i:03}", f"term{i:03}") for i in range(WHOLE_GLOSSARY + 1))
    lines = [SourceLine(key="a", text="Terim007 nerede 1?"), SourceLine(key="b", text="Bilmiyorum 2.")]
    with MisbehavingServer() as server, opened(server, glossary=pairs) as model:
        answers(model, lines)
    assert server.requests[0].user["terms"] == {"terim007": "term007"}
    assert "terim008" not in server.requests[0].system


def test_variants_and_rewrites_are_told_apart() -> None:
    shorter = SourceLine(key="s", text="Ben 1 numarada bekledim.", syllables=5, wanted="shorter")
    with MisbehavingServer() as server, opened(server) as model:
        model_says = {"normal": "I am sentence 1.", "short": "Sentence 1.", "long": "I am the sentence 1."}
        told = read_reply(json.dumps({"1": model_says}), [1])
        found = answers(model, [shorter])
    assert [(c.text, c.origin) for c in told[1]] == [
        ("I am sentence 1.", "llm"),
        ("Sentence 1.", "shorter"),
        ("I am the sentence 1.", "longer"),
    ]
    assert list(told) == [1]
    assert server.requests[0].user["lines"][0]["make"] == "shorter"
    assert [c.origin for c in found["s"].candidates] == ["shorter"]


ANSWER = '{"1": "A", "2": "B"}'


@pytest.mark.parametrize(
    ("reply", "texts"),
    [
        (f'Draft: {{"1": "x", "2": "y"}}\nWait, that is stiff. Better.\n</think>\n{ANSWER}', ["A", "B"]),
        (f'{{"1": "x", "2": "y"}}\nBetter:\n{ANSWER}', ["A", "B"]),
        (f'{ANSWER}\nOf these the first: {{"1": "x"}}', ["A", "B"]),
        (
            '<|channel|>analysis<|message|>Perhaps {"1": "x", "2": "y"}<|end|>'
            f"<|start|>assistant<|channel|>final<|message|>{ANSWER}",
            ["A", "B"],
        ),
        (f'<think>Perhaps {{"1": "x", "2": "y"}}</think>{ANSWER}', ["A", "B"]),
        ('{"0": "A", "1": "B"}', []),
        ('{"1": "A", "2": "B", "3": "C"}', []),
        ('[{"id": 0, "text": "A"}, {"id": 1, "text": "B"}]', []),
        (f'{{"0": "x", "1": "y"}} No: {ANSWER}', ["A", "B"]),
        ('{"0": "A", "1": "B", "2": "C', []),
        ('{"lines": {"1": "A", "2": "B"}, "note": "n"}', ["A", "B"]),
        ('{"1": "[SPEAKER_01]: A", "2": "SPEAKER_2: B"}', ["A", "B"]),
        (f"```json\n{ANSWER}\n```", ["A", "B"]),
    ],
)
def test_of_several_answers_the_last_complete_one_counts_and_one_with_foreign_ids_is_void(
    reply: str, texts: list[str]
) -> None:
    assert [c[0].text for c in read_reply(reply, [1, 2]).values()] == texts


# --- servers and their gaps --------------------------------------------------------------------


@pytest.mark.parametrize("formats", [("json_object",), ()])
@pytest.mark.parametrize(
    "refuses", [(), ("chat_template_kwargs",), ("think", "reasoning_effort"), ("seed", "temperature")]
)
def test_what_a_server_refuses_is_left_out_from_then_on(
    formats: tuple[str, ...], refuses: tuple[str, ...]
) -> None:
    lines = film(20)
    with MisbehavingServer(formats=formats, refuses=refuses) as server, opened(server) as model:
        assert len(texts(answers(model, lines))) == 20
    assert len(server.requests) == 2  # those refused are not counted
    for request in server.requests:
        assert request.body.get("response_format", {}).get("type", "") == (formats or ("",))[0]
        assert not set(refuses) & request.body.keys()
        if "chat_template_kwargs" not in refuses:
            assert request.body["chat_template_kwargs"] == {"enable_thinking": False}
        assert ("seed" in request.body) == ("seed" not in refuses)


def test_a_server_that_takes_all_is_asked_for_exactly_the_ids() -> None:
    with MisbehavingServer() as server, opened(server) as model:
        answers(model, film(3))
    body = server.requests[0].body
    assert body["response_format"]["json_schema"]["schema"] == reply_schema([1, 2, 3], 3)
    assert body["think"] is False and body["reasoning_effort"] == "none"


def test_a_request_that_is_too_long_is_halved_and_costs_no_setting() -> None:
    def fault(number: int) -> str:
        return "bad_request" if number == 0 else ""

    with (
        MisbehavingServer(fault, error="maximum context length is 4096 tokens") as server,
        opened(server) as model,
    ):
        assert len(texts(answers(model, film(10)))) == 10
    assert [len(request.user["lines"]) for request in server.requests] == [10, 5, 5]
    assert all(request.body["response_format"]["type"] == "json_schema" for request in server.requests)


@pytest.mark.parametrize("variable", llm_server.KEYS)
def test_the_key_comes_from_the_environment_and_goes_to_the_server_alone(
    variable: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, "secret-key-123")
    with MisbehavingServer(key="secret-key-123") as server, opened(server) as model:
        assert len(texts(answers(model, film(3)))) == 3
        assert any(variable in note for note in model.notes)
        told = repr((model.notes, model.identities))
    with (
        MisbehavingServer(key="another") as server,
        opened(server) as model,
        pytest.raises(BackendFailed) as failed,
    ):
        answers(model, film(3))
    assert variable in failed.value.hint and "401" in failed.value.message
    with (
        MisbehavingServer(lambda n: "bad_request", error="no secret-key-123!") as server,
        opened(server) as model,
    ):
        (answer,) = answers(model, film(1)).values()
    assert "no ***!" in answer.failure
    assert "secret" not in told + str(failed.value.to_dict()) + repr(answer) + "".join(capfd.readouterr())


def test_without_a_key_the_error_says_where_it_belongs() -> None:
    with (
        MisbehavingServer(key="x") as server,
        opened(server) as model,
        pytest.raises(BackendFailed) as failed,
    ):
        answers(model, film(1))
    assert "DUBLINE_LLM_KEY" in failed.value.hint


def test_nothing_is_told_about_the_user_s_machine_or_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-mine")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-mine")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody answers there
    with MisbehavingServer() as server, opened(server) as model:
        assert len(texts(answers(model, film(1)))) == 1
    headers = json.dumps(server.requests[0].headers).lower()
    assert "stainless" not in headers and "of-mine" not in headers


def test_an_unknown_model_is_answered_with_the_ones_there_are() -> None:
    with (
        MisbehavingServer() as server,
        opened(server, model="other") as model,
        pytest.raises(BackendFailed) as failed,
    ):
        answers(model, film(1))
    assert "'other'" in failed.value.message and MODEL in failed.value.hint


def test_a_wrong_path_is_told_from_a_wrong_model() -> None:
    with MisbehavingServer() as server:
        with (
            opened(server.address + "/api") as model,
            pytest.raises(BackendFailed, match="not as a language"),
        ):
            answers(model, film(1))
        with opened(server.address.removesuffix("/v1")) as model:  # the usual path is put there
            assert len(texts(answers(model, film(1)))) == 1


def test_no_server_is_told_with_how_to_start_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: nobody answers
        model = opened(f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
        with model, pytest.raises(BackendFailed, match="no server answers") as failed:
            answers(model, film(1))
    assert "ollama serve" in failed.value.hint and "11434" in failed.value.hint


def test_stopping_does_not_wait_for_the_model() -> None:
    with MisbehavingServer({1: "hang"}) as server, opened(server, timeout=3600) as model:
        ticks: list[float] = []

        def report(done: float, total: float) -> None:
            ticks.append(done)
            if server.hanging.is_set():
                raise Cancelled("stopped")

        batches = model.translate(film(30), {}, report)
        assert len(texts(next(batches))) == 10
        with pytest.raises(Cancelled):
            next(batches)
        assert not server.released.is_set()  # the server still hangs
    assert ticks == sorted(ticks) and ticks[-1] == 10


# --- what is asked for -------------------------------------------------------------------------


def test_where_the_lines_go_is_said() -> None:
    near = opened("http://127.0.0.1:8080/v1").notes
    assert any("this machine" in note for note in near) and not any("leave" in note for note in near)
    for address in (
        "https://llm.example.org/v1",
        "http://192.168.1.5:11434",
        "http://localhost.example.org/v1",
    ):
        host = address.split("/")[2].split(":")[0]
        (told,) = (note for note in opened(address).notes if "leave this machine" in note)
        assert host in told and ("unencrypted" in told) == address.startswith("http:")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"server": ""}, "11434"),
        ({"server": "localhost:11434"}, "http://localhost:11434/v1"),
        ({"server": "ftp://localhost/v1"}, "11434"),
        ({"server": "http://:80/v1"}, "11434"),
        ({"server": "http://[::1/v1"}, "11434"),
        ({"server": "http://localhost:99999/v1"}, "11434"),
        ({"server": "https://me:secret@example.org/v1"}, "DUBLINE_LLM_KEY"),
        ({"server": "https://example.org/v1?key=secret"}, "DUBLINE_LLM_KEY"),
        ({"model": ""}, "model"),
        ({"source": ""}, "code"),
        ({"target": " "}, "code"),
        ({"source": "en", "target": "en"}, "another target"),
        ({"candidates": 4}, "candidates"),
        ({"batch": 0}, "batch"),
        ({"history": -1}, "history"),
        ({"timeout": 0.0}, "timeout"),
        ({"temperature": float("nan")}, "temperature"),
    ],
)
def test_bad_options_are_refused_with_a_remedy(options: dict[str, Any], says: str) -> None:
    good = {"server": "http://localhost:1/v1", "model": MODEL, "source": "tr", "target": "en"}
    with pytest.raises(InvalidJob) as failed:
        LanguageModel(LanguageModel.Options(**{**good, **options}))
    assert says in failed.value.hint and "secret" not in str(failed.value.to_dict())


# --- reading -----------------------------------------------------------------------------------

line_texts = st.text(st.characters(blacklist_categories=("Cc", "Cs")), min_size=1).filter(
    lambda text: text == " ".join(text.split())
)


@given(st.dictionaries(st.integers(1, 99), line_texts, min_size=1, max_size=6), st.data())
def test_of_a_broken_off_reply_the_complete_pairs_count(told: dict[int, str], data: st.DataObject) -> None:
    text = json.dumps({str(number): {"normal": said} for number, said in told.items()}, ensure_ascii=False)
    cut = data.draw(st.integers(0, len(text)))
    found = read_reply(text[:cut], list(told))
    # What is complete is there, in full; of what is not, nothing is.
    assert {number: c[0].text for number, c in found.items()}.items() <= told.items()
    complete = sum(text[:cut].count(f'"{number}": {{"normal": {json.dumps(said, ensure_ascii=False)}}}') > 0
                   for number, said in told.items())  # fmt: skip
    assert len(found) >= complete


def test_a_whole_reply_is_read_whole() -> None:
    @given(st.dictionaries(st.integers(1, 99), line_texts, max_size=6))
    def holds(told: dict[int, str]) -> None:
        found = read_reply(json.dumps({str(number): said for number, said in told.items()}), list(told))
        assert {number: c[0].text for number, c in found.items()} == told

    holds()


def shapes() -> Iterator[tuple[str, dict[int, str]]]:
    both = {1: "Come.", 2: "Go!"}
    yield '{"1": "Come.", "2": "Go!"}', both
    yield '{"translations": {"1": "Come.", "2": "Go!"}}', both
    yield '{"lines": [{"id": 1, "translation": "Come."}, {"id": "2", "translation": "Go!"}]}', both
    yield '[{"id": 1, "text": "Come."}, {"id": 2, "source": "Git!", "normal": "Go!"}]', both
    yield '[{"1": "Come."}, {"2": "Go!"}]', both
    yield '["Come.", "Go!"]', both
    yield '["Come."]', {}
    yield '{"id": 2, "translation": "Go!"}', {2: "Go!"}
    yield '{"1": ["Come.", "Come!"], "2": {"best": "Go!"}}', both
    yield 'As {asked}: {"1": "Come.", "2": "Go!"} Bye {now}.', both
    yield '<think>{"1": "Hm", "2": "Hm"}', {}
    yield '<think>{"1": "Hm"}</think>{"1": "Come.", "2": "Go!"}', both
    yield '{"1": "Come\n  here.", "2": "\\ud800Go!\\u0000"}', {1: "Come here.", 2: "Go!"}
    yield '{"1": "", "2": null, "3": "x"}', {}
    yield '{"1": 5, "2": {"normal": 7}}', {}
    yield "[" * 5000, {}
    yield '{"1":' * 3000, {}
    yield '{"1": ' + "9" * 6000 + "}", {}
    yield "", {}
    yield "null", {}


@pytest.mark.parametrize(("reply", "expected"), shapes())
def test_replies_are_read_in_every_shape_models_give_them(reply: str, expected: dict[int, str]) -> None:
    assert {number: c[0].text for number, c in read_reply(reply, [1, 2]).items()} == expected


def test_errors_are_dubline_s_own() -> None:
    assert issubclass(BackendFailed, DublineError) and not issubclass(llm_server.Unanswered, DublineError)
