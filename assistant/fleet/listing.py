"""What the file says of each model host, what a look saw, and what all processes ask of it, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from connectors.model_hosts.capacity.placing import GIB
from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.choosing.sharing import Share, Told
from connectors.model_hosts.values import HostReport, ModelReport
from connectors.model_hosts.watching.inspection import Inspection
from connectors.model_hosts.watching.watch import Deployment, Watch, Watched


def host_rows(watch: Watch, told: Told) -> Iterator[Mapping[str, object]]:
    """Yield everything about each host, after one look, for machines and for `render_row`."""
    for name, entry in watch.hosts.items():
        own = [each for each in watch.deployments.values() if each.host.name == name]
        yield {
            "name": name,
            "kind": entry.host.kind,
            "address": entry.host.address,
            "hardware": entry.host.hardware,
            "memory_gib": entry.host.memory_gib,
            "labels": list(entry.host.labels),
            "state": host_state(entry),
            "is_reachable": entry.report.is_reachable,
            "drained_since": told.drained.get(name, ""),
            **_load_of_host(entry.report),
            "models": [_model_row(each, entry.report, told.others.get(each.id, Share())) for each in own],
            "refused": [{"name": model, "why": why} for model, why in entry.report.refused],
        }


def host_state(entry: Watched) -> str:
    """Say in a few words how a host is."""
    if entry.drained:
        return f"drained since {entry.drained}"
    if not entry.report.is_reachable:
        return entry.report.note or "does not answer"
    if entry.report.is_loading:
        return "loads its model"
    return entry.report.note or "up"


def render_row(row: Mapping[str, object]) -> Iterator[str]:
    """Yield a host's line and, indented, a line for each of its models."""
    facts = [row["version"], _gib(row["memory_gib"]), row["hardware"]]
    load = _load_words(row)
    yield f"{row['name']!s:<14} {row['kind']!s:<9} {row['state']}{load}"
    yield f"    {' · '.join(str(fact) for fact in [row['address'], *facts] if fact)}"
    models = row["models"]
    for model in models if isinstance(models, list) else []:
        yield f"    {_model_words(model)}"
    refused = row["refused"]
    for each in refused if isinstance(refused, list) else []:
        yield f"    refused: {each['name']}, {each['why']}"


def render_inspection(host: Host, inspection: Inspection) -> Iterator[str]:
    """Yield what a close look found, a line each."""
    report = inspection.report
    verdict = "answers" if report.is_reachable else report.note
    yield f"{host.name} ({host.kind}) {verdict}, looked at in {inspection.milliseconds:.0f} ms"
    for call in inspection.calls:
        yield f"    {call.method:<4} {call.path:<24} {call.status}  {call.milliseconds:7.1f} ms"
    if report.is_reachable and report.note:
        yield f"    note: {report.note}"
    for key, value in _load_of_host(report).items():
        if value:
            yield f"    {key.replace('_', ' ')}: {value}"
    for model in report.models:
        yield f"    {_report_words(model)}"
    for name, why in report.refused:
        yield f"    refused: {name}, {why}"


def inspection_data(host: Host, inspection: Inspection) -> Mapping[str, object]:
    """Return the same for machines."""
    read = asdict(inspection)
    for model in read["report"]["models"]:
        model["capabilities"] = sorted(model["capabilities"])
    read["report"]["names"] = sorted(read["report"]["names"])
    return {"name": host.name, "kind": host.kind, "address": host.address, **read}


def _load_of_host(report: HostReport) -> dict[str, object]:
    return {
        "version": report.version,
        "slots": report.slots,
        "running": report.running,
        "waiting": report.waiting,
        "cache_share": report.cache_share,
        "free_gib": round(report.free_bytes / GIB, 1),
        "drawn_watts": report.drawn_watts,
        "gpu_share": report.gpu_share,
    }


def _model_row(deployment: Deployment, report: HostReport, share: Share) -> Mapping[str, object]:
    seen = next((each for each in report.models if each.name == deployment.model.name), ModelReport(""))
    return {
        "name": deployment.model.public_name,
        "is_available": not deployment.absence,
        "is_loaded": deployment.is_loaded,
        "context_tokens": deployment.context_tokens,
        "loaded_context_tokens": seen.context_tokens,
        "memory_gib": round(seen.memory_bytes / GIB, 1),
        "processor_gib": round(seen.processor_bytes / GIB, 1),
        "capabilities": sorted(deployment.model.capabilities),
        "release": deployment.model.release.name if deployment.model.release else "",
        "quantisation": deployment.model.quantisation,
        "licence": deployment.model.licence,
        "in_flight": share.in_flight,
        "tokens_per_second": round(share.tokens_per_second, 1),
        "absence": deployment.absence if report.is_reachable else "",  # otherwise the host's line says it
    }


def _load_words(row: Mapping[str, object]) -> str:
    parts = [f"{row[key]} {key}" for key in ("running", "waiting") if row[key]]
    if row["cache_share"]:
        parts.append(f"cache {row['cache_share']:.0%} full")
    return f" ({', '.join(parts)})" if parts else ""


def _model_words(model: Mapping[str, object]) -> str:
    if model["absence"]:
        return f"{model['name']!s:<24} {model['absence']}"
    parts = [
        "loaded" if model["is_loaded"] else "not loaded" if model["is_available"] else "",
        f"window {model['context_tokens']:,}",
        _gib(model["memory_gib"]),
        f"{model['processor_gib']} GiB of it on the processor" if model["processor_gib"] else "",
        f"{model['in_flight']} in flight" if model["in_flight"] else "",
        f"{model['tokens_per_second']} tokens/s seen" if model["tokens_per_second"] else "",
    ]
    return f"{model['name']!s:<24} {', '.join(part for part in parts if part)}"


def _report_words(model: ModelReport) -> str:
    parts = [
        "loaded" if model.is_loaded else "not loaded",
        f"window in force {model.context_tokens:,}" if model.context_tokens else "",
        f"made for {model.max_context_tokens:,}" if model.max_context_tokens else "",
        _gib(round(model.memory_bytes / GIB, 1)),
        f"{model.processor_bytes / GIB:.1f} GiB of it on the processor" if model.processor_bytes else "",
        "/".join(sorted(model.capabilities)),
    ]
    return f"{model.name:<32} {', '.join(part for part in parts if part)}"


def _gib(amount: object) -> str:
    return f"{amount:g} GiB" if isinstance(amount, int | float) and amount else ""
