from collections.abc import Sequence

from connectors.model_hosts.quote import TOPICS, QuotedPassage, QuoteHost
from connectors.model_hosts.values import ChatMessage, Token, Usage

PASSAGE = QuotedPassage("Adding a model host", "docs/fleet.md", "Write it into fleet.yaml.\n\nThen restart.", "By hand")


class Shelf:
    """A retriever that remembers who asked what."""

    def __init__(self, *passages: QuotedPassage) -> None:
        self.passages = passages
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, question: str, reader: str) -> Sequence[QuotedPassage]:
        self.asked.append((question, reader))
        return self.passages


async def ask(shelf: Shelf, *texts: str) -> list[Token | Usage]:
    messages = [ChatMessage("system", "Be brief."), *(ChatMessage("user", text) for text in texts)]
    return [item async for item in QuoteHost(shelf).answer(messages, reader="maria")]


def text_of(items: list[Token | Usage]) -> str:
    return "".join(item.text for item in items if isinstance(item, Token))


async def test_quotes_with_numbered_sources() -> None:
    shelf = Shelf(PASSAGE, QuotedPassage("Security", "docs/security.md", "No way out."))
    text = text_of(await ask(shelf, "How do I add a host?"))
    assert "> Write it into fleet.yaml.\n>\n> Then restart.\n>\n> — [1]" in text
    assert "> No way out.\n>\n> — [2]" in text
    assert text.endswith("1. Adding a model host, By hand (`docs/fleet.md`)\n2. Security (`docs/security.md`)\n")


async def test_says_that_no_host_was_found() -> None:
    assert "No model host was found" in text_of(await ask(Shelf(PASSAGE), "Why?"))
    assert "CLOISTER_GGUF=" in text_of(await ask(Shelf(), "Why?"))


async def test_offers_three_questions_when_nothing_fits() -> None:
    text = text_of(await ask(Shelf(QuotedPassage("Empty", "", "  \n")), "What is the weather?"))
    assert "Nothing in the indexed documents fits this question." in text
    assert len(TOPICS) == 3
    assert all(f"- {topic}" in text for topic in TOPICS)


async def test_searches_the_last_question_for_its_reader() -> None:
    shelf = Shelf(PASSAGE)
    await ask(shelf, "first", "second " + "x" * 5000)
    ((question, reader),) = shelf.asked
    assert question.startswith("second x")
    assert len(question) == 2000
    assert reader == "maria"


async def test_streams_word_by_word_and_ends_with_usage() -> None:
    items = await ask(Shelf(PASSAGE), "Why?")
    words = [item for item in items if isinstance(item, Token)]
    assert len(words) > 30
    assert all(len(word.text.split()) <= 1 for word in words)
    assert items[-1] == Usage(answer_tokens=len(words))


async def test_long_passage_is_cut_at_a_word() -> None:
    text = text_of(await ask(Shelf(QuotedPassage("Long", "docs/long.md", "word " * 500)), "Why?"))
    (line,) = [line for line in text.splitlines() if line.startswith("> word")]
    assert line.endswith("word …")
    assert len(line) < 920


async def test_lines_that_a_file_breaks_for_its_editor_are_joined_in_a_quote() -> None:
    text = "# Title\nOne sentence\nover two lines.\n\n1. first\n   goes on\n2. second\n\n```sh\na\nb\n```\n| x |\n| y |"
    shelf = Shelf(QuotedPassage("Title", "docs/a.md", text, "Title > Part"))
    answer = text_of(await ask(shelf, "What?"))
    assert "> One sentence over two lines.\n" in answer
    assert "> 1. first goes on\n> 2. second\n" in answer
    assert "> ```sh\n> a\n> b\n> ```\n> | x |\n> | y |" in answer
    assert "1. Title > Part (`docs/a.md`)" in answer


async def test_a_passage_that_is_only_a_heading_is_not_quoted() -> None:
    answer = text_of(await ask(Shelf(QuotedPassage("Title", "docs/a.md", "# Title")), "What?"))
    assert "docs/a.md" not in answer
