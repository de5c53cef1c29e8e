"""What a model is told: persona, earlier messages and the person's own text, every one of them guarded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol, Self

from assistant.answering.attached import number_again, number_lines, quote, without_numbers
from assistant.answering.guarding import GuardedConversation
from assistant.answering.offer import Judging
from assistant.conversation import Attachment, Author, Context, Message, Said, Turn
from assistant.personas.reader import Persona
from connectors.model_hosts.values import NO_WISHES, ChatMessage, Wishes, most_tokens, most_tokens_of
from policies.redaction import without_values
from policies.verdict import Direction, Verdict, joined
from policies.views.fold import well_formed

_BETWEEN = "\n\n"
_APART: Final = "\0"
_ROLES: Final[Mapping[Author, Literal["user", "assistant"]]] = {Author.USER: "user", Author.ASSISTANT: "assistant"}


class GuardedPrompt(Protocol):
    """What every kind of guarded prompt is for a turn and its record; `Prompt` says what each of these means."""

    @property
    def own(self) -> ChatMessage:
        """Return the person's own message."""

    @property
    def messages(self) -> tuple[ChatMessage, ...]:
        """Return all messages, oldest first."""

    @property
    def verdict(self) -> Verdict:
        """Return what the guard said."""

    @property
    def sent(self) -> str:
        """Return all that goes to a model as one text, for a mark of it."""

    @property
    def typed(self) -> str:
        """Return the typed text as it may be kept."""

    @property
    def task(self) -> str:
        """Return the task of the command."""

    @property
    def left_out(self) -> int:
        """Return how many messages had no room."""

    @property
    def tokens(self) -> int:
        """Return how many tokens it takes at most."""

    @property
    def can_shorten(self) -> bool:
        """Tell whether less of it may be asked with."""

    def shortened(self) -> Self:
        """Return the next shorter one."""


class TextlessPrompt:
    """A prompt without a message that anybody wrote to anybody: nothing of it is kept."""

    __slots__ = ()

    @property
    def wishes(self) -> Wishes:
        """Return none: tools and forms are of conversations."""
        return NO_WISHES

    @property
    def own(self) -> ChatMessage:
        """Return no message."""
        return ChatMessage("user", "")

    @property
    def messages(self) -> tuple[ChatMessage, ...]:
        """Return none."""
        return ()

    @property
    def typed(self) -> str:
        """Return nothing."""
        return ""

    @property
    def task(self) -> str:
        """Return none: commands are of conversations."""
        return ""

    @property
    def left_out(self) -> int:
        """Return 0: there are no earlier messages."""
        return 0


@dataclass(frozen=True, slots=True)
class Prompt:
    """A guarded prompt.

    Attributes:
        system, earlier, own: the messages in the order in which the model reads them.
        verdict: of the person's own text and files; of the first text that was blocked, if one was.
        typed: the typed text as it may be kept: guarded; of a block without any value that was found; nothing of what
            the guard failed on.
        task: what the persona's command puts before the person's text, guarded; empty without a command.
        left_out: how many of the oldest messages were dropped because no model has room for them.
        only: labels of hosts that it may be sent to, one of each set.
        may_shorten: whether that may be done; a caller who keeps the conversation shortens it better.
        wishes: of the caller, guarded where they are texts.
    """

    system: ChatMessage
    earlier: tuple[ChatMessage, ...]
    own: ChatMessage
    verdict: Verdict
    typed: str = ""
    task: str = ""
    left_out: int = 0
    may_shorten: bool = True
    wishes: Wishes = NO_WISHES
    only: tuple[frozenset[str], ...] = ()

    @property
    def messages(self) -> tuple[ChatMessage, ...]:
        """Return all messages, oldest first."""
        return (self.system, *self.earlier, self.own)

    @property
    def sent(self) -> str:
        """Return all messages as one text."""
        return _APART.join(message.content for message in self.messages)

    @property
    def tokens(self) -> int:
        """Return how many tokens the messages take at most."""
        offered = [tool.name + tool.description + tool.parameters for tool in self.wishes.tools]
        return most_tokens(self.messages) + sum(map(most_tokens_of, (*offered, self.wishes.schema)))

    @property
    def can_shorten(self) -> bool:
        """Tell whether there is an exchange that may be left out."""
        return self.may_shorten and bool(self.earlier)

    def shortened(self) -> Self:
        """Return the prompt without the oldest exchange: a person's message and what answered it."""
        cut = next(
            (index for index, message in enumerate(self.earlier) if index and message.role == "user"),
            len(self.earlier),
        )
        return replace(self, earlier=self.earlier[cut:], left_out=self.left_out + cut)


async def build_prompt(
    turn: Turn, persona: Persona, earlier: Sequence[Message], conversation: GuardedConversation
) -> Prompt:
    """Guard every text that will reach the model and put them in order.

    The person's own text is judged last, so that its verdict and its placeholders continue those of the conversation;
    if any text is blocked, the prompt's verdict is that block.
    """
    if turn.context is not None:
        return await _build_with_context(turn, turn.context, persona.system, conversation)
    task = persona.task_of(turn.command)
    verdicts = [await conversation.check_prompt(text) for text in (persona.system, task)]
    verdicts += [await _check_kept(message.text, conversation) for message in earlier]
    own = await _check_own(turn, conversation, cites_lines=persona.cites_lines)
    deciding = next((verdict for verdict in (own.verdict, *verdicts) if verdict.is_blocked), own.verdict)
    rules, task_verdict, *said = verdicts
    return Prompt(
        system=ChatMessage(role="system", content=rules.text),
        earlier=tuple(
            ChatMessage(_ROLES[message.author], verdict.text) for message, verdict in zip(earlier, said, strict=True)
        ),
        own=ChatMessage(role="user", content=_BETWEEN.join(filter(None, (task_verdict.text, own.content)))),
        verdict=deciding,
        typed=own.typed,
        task=task_verdict.text,
        wishes=turn.wishes,
        only=conversation.labels_for((own.verdict, *verdicts)),
    )


async def _check_kept(text: str, conversation: GuardedConversation) -> Verdict:
    """Judge an earlier message as it is sent, and once more without the numbers before the lines of its files.

    The policy may have changed since the files were judged, and where a text may go hangs on what is found in it now.
    """
    sent = await conversation.check_prompt(text)
    bare = without_numbers(sent.text)
    if sent.is_blocked or bare == sent.text:
        return sent
    verdict = await conversation.check_prompt(bare)
    if verdict.is_blocked:
        return verdict
    return replace(
        verdict,
        action=max(sent.action, verdict.action, key=lambda one: one.severity),
        text=number_again(sent.text, verdict) if verdict.held_back else sent.text,
        decisions=(*sent.decisions, *verdict.decisions),
    )


async def _build_with_context(turn: Turn, context: Context, system: str, conversation: GuardedConversation) -> Prompt:
    """Build the prompt of a caller who keeps the conversation; the verdict is of all that the caller sent.

    Texts are judged in the order in which they were written, so that a value has the same placeholder in each request.
    """
    own_rules = await conversation.check_prompt(system)
    judging = Judging(conversation)
    wishes = await judging.wishes(turn.wishes)
    rules = await judging.text(context.system)
    earlier = [await _message(said, judging) for said in context.earlier]
    own = await _message(Said(Author.USER, turn.text, call_id=context.call_id), judging)
    return Prompt(
        system=ChatMessage("system", _BETWEEN.join(filter(None, (own_rules.text, rules)))),
        earlier=tuple(earlier),
        own=own,
        verdict=own_rules if own_rules.is_blocked else joined(judging.texts, judging.verdicts, _BETWEEN),
        typed=_keepable(turn.text, judging.verdicts[-1]),
        may_shorten=False,
        wishes=wishes,
        only=conversation.labels_for((own_rules, *judging.verdicts)),
    )


async def _message(said: Said, judging: Judging) -> ChatMessage:
    if said.call_id:
        return ChatMessage("tool", await judging.text(said.text, Direction.TOOL), call_id=said.call_id)
    text = await judging.text(said.text)
    return ChatMessage(_ROLES[said.author], text, await judging.calls(said.calls))


@dataclass(frozen=True, slots=True)
class _Own:
    """The person's own text and files after the guard.

    Attributes:
        verdict: on all of them; its offsets are those of `compose_text`, which joins the parts in the same way.
        typed: what of the typed text is kept.
        content: what the model reads.
    """

    verdict: Verdict
    typed: str
    content: str


async def _check_own(turn: Turn, conversation: GuardedConversation, *, cites_lines: bool) -> _Own:
    """Judge the typed text and each file apart, as the policy may want; lines are numbered only after that."""
    parts = ((turn.text, Direction.PROMPT), *((quote(file), Direction.FILE) for file in turn.attachments))
    present = [(text, direction) for text, direction in parts if text]
    for text, _ in present:
        conversation.pseudonyms.reserve_in(text)  # before the first number is given, in whichever part it stands
    verdicts = [await conversation.check_prompt(text, direction) for text, direction in present]
    if not verdicts:
        return _Own(await conversation.check_prompt(""), "", "")
    typed = _keepable(turn.text, verdicts[0]) if turn.text else ""
    verdict = joined([text for text, _ in present], verdicts, _BETWEEN)
    if not cites_lines or verdict.is_blocked:
        return _Own(verdict, typed, verdict.text)
    shown = [
        number_lines(text, judged) if direction is Direction.FILE else judged.text
        for (text, direction), judged in zip(present, verdicts, strict=True)
    ]
    return _Own(verdict, typed, _BETWEEN.join(shown))


def _keepable(text: str, verdict: Verdict) -> str:
    """Return a text without what must not be kept; nothing where nobody knows what must not."""
    if not verdict.is_blocked:
        return verdict.text
    return "" if verdict.failure else without_values(well_formed(text), verdict.decisions)


def compose_text(text: str, attachments: Sequence[Attachment]) -> str:
    """Return the typed text followed by each file under its name."""
    return _BETWEEN.join(part for part in (text, *map(quote, attachments)) if part)
