"""Presidio's frame around the rules: each family is an `EntityRecognizer` of an `AnalyzerEngine` without a model.

Presidio's own recognisers are not loaded: some backtrack for seconds on two kilobytes, one fetches a list from the
internet, and one that runs out of time is skipped, which lets the text pass. A site may add recognisers of its own,
such as a model for names, to the engine that `build_analyzer` returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine, NoOpNlpEngine

from policies.detectors.compiled import PLACEHOLDER_RULE
from policies.detectors.scan import scanner_of
from policies.detectors.search import Search
from policies.detectors.tokens import TokenDetector
from policies.rule import Rule
from policies.verdict import Finding
from policies.words import NO_WORDS, Words

LANGUAGE = "en"  # the rules know several languages at once; Presidio asks for one
_RULE_KEY = "rule"
_TOKENS = "tokens"
_TOKEN_ENTITY = "SECRET"  # noqa: S105 - a kind, as `policies.detectors.search` names it


class RuleRecognizer(EntityRecognizer):
    """A family of rules as Presidio sees it."""

    def __init__(self, family: str, rules: Sequence[Rule]) -> None:
        self._family = family
        self._scanner = scanner_of(rules)
        super().__init__(
            supported_entities=sorted({rule.entity_type for rule in rules}), name=family, supported_language=LANGUAGE
        )

    def load(self) -> None:
        """Do nothing: the rules were compiled when this was made."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Return what the rules of this family find, with the rule's name in the metadata."""
        del nlp_artifacts  # there is no model
        findings = Search(self._scanner).feed(text, is_last=True).findings
        wanted = (finding for finding in findings if not entities or finding.entity_type in entities)
        return _results(wanted, self._family, self.id)


class TokenRecognizer(EntityRecognizer):
    """Values without a form of their own, given away by what stands before them, as Presidio sees them."""

    def __init__(self, words: Words) -> None:
        self._search_parts = (scanner_of(()), TokenDetector(words))
        super().__init__(supported_entities=[_TOKEN_ENTITY], name=_TOKENS, supported_language=LANGUAGE)

    def load(self) -> None:
        """Do nothing: the words were compiled when this was made."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Return the tokens, with the name under which the policy knows them in the metadata."""
        del nlp_artifacts  # there is no model
        if entities and _TOKEN_ENTITY not in entities:
            return []
        return _results(Search(*self._search_parts).feed(text, is_last=True).findings, _TOKENS, self.id)


class AnalyzerDetector:
    """Presidio's analyzer as a detector of the guard (`policies.guard.Detector`)."""

    def __init__(self, analyzer: AnalyzerEngine) -> None:
        self._analyzer = analyzer

    def load(self) -> None:
        """Do nothing: the analyzer is ready."""

    def detect(self, text: str) -> list[Finding]:
        """Return what the analyzer's recognisers find in a text."""
        return [_finding(result) for result in self._analyzer.analyze(text=text, language=LANGUAGE)]


def build_analyzer(
    rules: Iterable[Rule],
    recognizers: Iterable[EntityRecognizer] = (),
    *,
    words: Words = NO_WORDS,
    nlp_engine: NlpEngine | None = None,
) -> AnalyzerEngine:
    """Return an analyzer that runs the rules, one recogniser a family, and the given recognisers after them.

    Args:
        rules: of the policy.
        recognizers: others.
        words: those that give a token away, of the policy; none: the search by words does not take part.
        nlp_engine: a loaded model, for recognisers that read its results; unset: none runs.
    """
    families: dict[str, list[Rule]] = {}
    for rule in rules:
        families.setdefault(rule.name.partition("/")[0], []).append(rule)
    ours = [RuleRecognizer(family, members) for family, members in families.items()]
    # An empty registry would make Presidio load its own recognisers.
    tokens = [] if words == NO_WORDS else [TokenRecognizer(words)]
    everyone = [*ours, *tokens, *recognizers] or [RuleRecognizer("none", ())]
    registry = RecognizerRegistry(recognizers=everyone, supported_languages=[LANGUAGE])
    return AnalyzerEngine(
        registry=registry,
        nlp_engine=nlp_engine or NoOpNlpEngine([{"lang_code": LANGUAGE, "model_name": "no_op"}]),
        supported_languages=[LANGUAGE],
        context_aware_enhancer=_NullContextAwareEnhancer(),
    )


class _NullContextAwareEnhancer(ContextAwareEnhancer):
    """Leave scores alone: rules hold their context themselves, and Presidio's enhancer is quadratic in findings."""

    def __init__(self) -> None:
        super().__init__(
            context_similarity_factor=0.0,
            min_score_with_context_similarity=0.0,
            context_prefix_count=0,
            context_suffix_count=0,
        )

    def enhance_using_context(
        self, text: str, raw_results: list[RecognizerResult], *_: Any, **__: Any
    ) -> list[RecognizerResult]:
        """Return the results as they are."""
        del text
        return raw_results


def _results(findings: Iterable[Finding], name: str, identifier: str) -> list[RecognizerResult]:
    return [
        RecognizerResult(
            entity_type=finding.entity_type,
            start=finding.start,
            end=finding.end,
            score=finding.score,
            recognition_metadata={
                _RULE_KEY: finding.rule,
                RecognizerResult.RECOGNIZER_NAME_KEY: name,
                RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: identifier,
            },
        )
        for finding in findings
        if finding.rule != PLACEHOLDER_RULE.name
    ]


def _finding(result: RecognizerResult) -> Finding:
    entity_type = str(result.entity_type)
    named = (result.recognition_metadata or {}).get(_RULE_KEY)
    return Finding(
        entity_type=entity_type,
        start=int(result.start),
        end=int(result.end),
        score=float(result.score),
        rule=str(named or "personal/presidio-" + entity_type.lower().replace("_", "-")),
    )
