"""How each kind of host is asked to fill a gap: its path, its body, and how to read what it streams."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.model_hosts.fim.filling import Asked, Call
from connectors.model_hosts.fim.prompts import write_prompt
from connectors.model_hosts.kinds.kind import count_of, mapping_of, objects_of, text_of
from connectors.model_hosts.wire import Chunk, refuse_remote


def infill_call(asked: Asked) -> Call:
    """Return the call of llama.cpp's own way, which knows the model's tokens from its file.

    Source: tools/server/README.md of llama.cpp, "POST /infill".
    """
    body = {
        "input_prefix": asked.gap.prefix,
        "input_suffix": asked.gap.suffix,
        "input_extra": [{"filename": file.name or "untitled", "text": file.text} for file in asked.gap.files],
        "prompt": "",
        "n_predict": asked.max_tokens,
        "cache_prompt": True,  # the next key stroke sends nearly the same
        **_sampling(asked),
        "stop": asked.host_stops,
        "stream": True,
    }
    return Call("/infill", body, _read_infill)


def completions_call(asked: Asked) -> tuple[Call, ...]:
    """Return the call in OpenAI's form with the prompt written out; none where no format is known."""
    if asked.known is None:
        return ()
    body = {
        "model": asked.model,
        "prompt": write_prompt(asked.gap, asked.known),
        "max_tokens": asked.max_tokens,
        **_sampling(asked),
        "stop": asked.host_stops,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return (Call("/v1/completions", body, _read_completion),)


def generate_call(asked: Asked) -> Call:
    """Return Ollama's call: written out where other files go along, else in its own way with `suffix`.

    Source: docs/api.md of Ollama, "Generate a completion".
    """
    options = {"num_ctx": asked.window_tokens, "num_predict": asked.max_tokens, **_sampling(asked)}
    body: dict[str, object] = {
        "model": asked.model,
        "stream": True,
        "truncate": False,  # 400 instead of a silent cut
        "options": options | {"stop": asked.host_stops},
    }
    if asked.known is not None and (asked.gap.files or not asked.gap.suffix):
        # Without a suffix its template makes a plain prompt, which some models answer with prose.
        return Call(
            "/api/generate", body | {"prompt": write_prompt(asked.gap, asked.known), "raw": True}, _read_generated
        )
    return Call("/api/generate", body | {"prompt": asked.gap.prefix, "suffix": asked.gap.suffix}, _read_generated)


def _sampling(asked: Asked) -> dict[str, object]:
    """Return how words are chosen: these names and no other, whatever a caller wrote."""
    wishes = asked.wishes
    wanted = {"top_p": wishes.top_p, "seed": wishes.seed, "frequency_penalty": wishes.frequency_penalty}
    return {"temperature": asked.temperature, **{name: value for name, value in wanted.items() if value is not None}}


def _read_infill(event: Mapping[str, object]) -> Chunk:
    is_last = event.get("stop") is True
    reason = "length" if event.get("stop_type") == "limit" else "stop"
    return Chunk(
        text=text_of(event.get("content")),
        finish_reason=reason if is_last else "",
        prompt_tokens=count_of(event.get("tokens_evaluated")) if is_last else 0,
        answer_tokens=count_of(event.get("tokens_predicted")) if is_last else 0,
    )


def _read_completion(event: Mapping[str, object]) -> Chunk:
    choice = next(objects_of(event.get("choices")), {})
    usage = mapping_of(event.get("usage"))
    return Chunk(
        text=text_of(choice.get("text")),
        model=text_of(event.get("model")),
        finish_reason=text_of(choice.get("finish_reason")),
        prompt_tokens=count_of(usage.get("prompt_tokens")),
        answer_tokens=count_of(usage.get("completion_tokens")),
    )


def _read_generated(event: Mapping[str, object]) -> Chunk:
    refuse_remote(event)
    is_last = event.get("done") is True
    return Chunk(
        text=text_of(event.get("response")),
        model=text_of(event.get("model")),
        finish_reason=(text_of(event.get("done_reason")) or "stop") if is_last else "",
        prompt_tokens=count_of(event.get("prompt_eval_count")),
        answer_tokens=count_of(event.get("eval_count")),
    )
