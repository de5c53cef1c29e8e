"""`cloister fleet load | unload | pull | bench`: have a host do something with a model, and measure it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from assistant.commands.watched import HostName, find_host, watched

if TYPE_CHECKING:  # so that `--help` answers at once
    from connectors.model_hosts.bench import Measured
    from connectors.model_hosts.catalogue import Host
    from connectors.model_hosts.controls.control import Progress

FAILED: Final = 1
STOPPED: Final = 130  # as shells say of what Ctrl-C ended

models = typer.Typer()  # its commands become those of `cloister fleet`

ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="Its name, as fleet.yaml or the host has it.")]


@models.command("load")
def fleet_load(host: HostName, model: ModelName) -> None:
    """Have a host read a model into memory, with the window of fleet.yaml where it can be told one."""
    _carry_out("load", host, model)


@models.command("unload")
def fleet_unload(host: HostName, model: ModelName) -> None:
    """Have a host take a model out of memory; a later prompt may load it again."""
    _carry_out("unload", host, model)


@models.command("pull")
def fleet_pull(host: HostName, model: ModelName) -> None:
    """Have a host fetch a model from the site's own registry; never from the internet."""
    _carry_out("pull", host, model)


@models.command("bench")
def fleet_bench(
    target: Annotated[str, typer.Argument(metavar="HOST|MODEL", help="All models of a host, or one wherever it is.")],
    *,
    prompt: Annotated[int, typer.Option(min=64, max=1_000_000, help="About how many tokens the prompt has.")] = 2000,
    answer: Annotated[int, typer.Option(min=8, max=10_000, help="How many tokens are written.")] = 128,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, a line each, for machines.")] = False,
) -> None:
    """Measure first token, reading and writing; keep it, and hold it against what the planner allows.

    The host should have nothing else to do: drain it first. Exit status 1 if nothing could be measured.
    """
    try:
        measured = asyncio.run(_measure(target, prompt, answer))
    except (KeyboardInterrupt, asyncio.CancelledError):
        _say("Withdrawn. What was measured before is kept.")
        raise typer.Exit(STOPPED) from None
    for each in measured:
        for line in [json.dumps(asdict(each))] if as_json else bench_words(each):
            typer.echo(line)
    raise typer.Exit(0 if measured else FAILED)


def bench_words(measured: Measured) -> Sequence[str]:
    """Return a measurement in words, beside the bounds."""
    return (
        f"{measured.host} {measured.model}",
        f"    first token: {measured.first_token_seconds:.2f} s for {measured.prompt_tokens:,} tokens",
        f"    reading: {_against(measured.reading_per_second, measured.reading_bound)}",
        f"    writing: {_against(measured.writing_per_second, measured.writing_bound)}",
    )


def _against(per_second: float, bound: float) -> str:
    if not per_second:
        return "too fast to tell; give a longer --prompt or --answer"
    words = f"{per_second:,.1f} tokens/s"
    return f"{words}, {per_second / bound:.0%} of at most {bound:,.1f}" if bound else f"{words}; no bound is known"


async def _measure(target: str, prompt_tokens: int, answer_tokens: int) -> Sequence[Measured]:
    from assistant.bootstrap.commands import open_orders_and_records
    from assistant.commands.settings import server_settings
    from assistant.fleet.orders import Act
    from assistant.fleet.records import Bench
    from assistant.maintenance.ending import command_order
    from connectors.model_hosts.bench import BenchError, measure
    from connectors.model_hosts.controls.control import ControlError

    async def measure_one(host: Host, model: str) -> Measured:
        _say(f"{host.name} {model}: measuring")
        try:
            return await measure(host, model, prompt_tokens=prompt_tokens, answer_tokens=answer_tokens)
        except BenchError as error:
            raise ControlError(f"cannot be measured with {model}: {error}") from None

    settings = server_settings()  # before the hosts are allowed: it sets what may be reached
    async with watched(settings) as watch:
        await watch.look()
        places = [(each.host, each.model.public_name) for each in watch.deployments.values() if _is_chat(each.model)]
    chosen = _chosen(places, target)
    found: list[Measured] = []
    async with open_orders_and_records(settings) as (audit, orders, records):
        for host, model in chosen:
            try:
                async with command_order(orders, audit, Act.BENCH, host.name, model):
                    with _stopped_by_signals():
                        one = await measure_one(host, model)
                        await records.add_bench(Bench(measured_at=datetime.now(UTC), **asdict(one)))
            except ControlError as error:
                _say(f"{host.name} {error}")
                continue
            found.append(one)
    return found


def _is_chat(model: object) -> bool:
    from connectors.model_hosts.values import Capability

    return Capability.CHAT in getattr(model, "capabilities", ())


def _chosen(places: Sequence[tuple[Host, str]], target: str) -> Sequence[tuple[Host, str]]:
    """Return every chat model of a host, or one model on every host that has it.

    Raises:
        typer.BadParameter: neither is there.
    """
    from connectors.model_hosts.yaml_fields import suggestion

    named = [place for place in places if target.casefold() in (place[0].name.casefold(), place[1].casefold())]
    if not named:
        known = sorted({name for host, model in places for name in (host.name, model)})
        hint = suggestion(target, known) if known else "no host with a chat model was named or found"
        raise typer.BadParameter(f"{target!r} is no host and no model of the fleet; {hint}.")
    return named


def _carry_out(word: str, host_name: str, model: str) -> None:
    from assistant.bootstrap.commands import open_orders
    from assistant.commands.settings import server_settings
    from assistant.fleet.orders import Act
    from assistant.maintenance.ending import command_order
    from connectors.model_hosts.controls.control import Act as HostAct
    from connectors.model_hosts.controls.control import ControlError
    from connectors.model_hosts.controls.controls import carry_out

    shown = _Progress()

    async def run() -> str:
        settings = server_settings()  # before the hosts are allowed: it sets what may be reached
        async with watched(settings) as watch:
            host = await find_host(watch, host_name)
        steps = carry_out(HostAct(word), host, model)
        async with open_orders(settings) as (audit, orders):
            try:
                async with command_order(orders, audit, Act(word), host.name, model), aclosing(steps):
                    with _stopped_by_signals():
                        async for progress in steps:
                            shown.show(progress)
            except ControlError as error:
                return f"{host.name} {error}."
        return ""

    try:
        trouble = asyncio.run(run())
    except (KeyboardInterrupt, asyncio.CancelledError):
        shown.end()
        typer.echo(_WITHDRAWN[word].format(host=host_name), err=True)
        raise typer.Exit(STOPPED) from None
    shown.end()
    if trouble:
        typer.echo(trouble, err=True)
        raise typer.Exit(FAILED)
    typer.echo(f"{model}: {_DONE[word]}.")


_DONE: Final = {"load": "is in memory", "unload": "is out of memory", "pull": "is on the host's disk"}


_WITHDRAWN: Final = {
    "load": "Withdrawn. {host} may still finish what it began to load: see `cloister fleet list`.",
    "unload": "Withdrawn. {host} may have let the model go already: see `cloister fleet list`.",
    "pull": "Withdrawn. What {host} has fetched stays there; order it again to go on.",
}


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Have SIGTERM, and the end of the terminal, do what Ctrl-C does: cancel what runs here, and tell host and log.

    Whoever began it with `nohup` wants it to outlive the terminal.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    heard = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) is not signal.SIG_IGN]
    if task is not None:
        for each in heard:
            loop.add_signal_handler(each, task.cancel)
    try:
        yield
    finally:
        for each in heard:
            loop.remove_signal_handler(each)


class _Progress:
    """Shows how far something is: on a terminal one line that is written over, in a pipe a line for what is new."""

    def __init__(self) -> None:
        self._shown = ""

    def show(self, progress: Progress) -> None:
        """Show it."""
        share = "" if progress.share is None else f" {progress.share:4.0%}"
        if sys.stderr.isatty():
            typer.echo(f"\r{progress.words}{share}\x1b[K", err=True, nl=False)
        elif progress.words != self._shown:
            _say(progress.words)
        self._shown = progress.words

    def end(self) -> None:
        """Go on in a line of its own."""
        if self._shown and sys.stderr.isatty():
            _say("")


def _say(words: str) -> None:
    typer.echo(words, err=True)
