"""Values that stand apart from the words that name them: in tables, in markup, behind rows of dots."""

from __future__ import annotations

import pytest

from policies.guard import Guard
from policies.pseudonyms import Pseudonyms
from policies.verdict import Direction
from policies.views.apart import Cells
from policies.views.behind import open_value

TOLD = [
    "| Name | tax id | Town |\n|---|---|---|\n| Maria Rossi | «911701234» | Bonn |\n",
    "| Service | Token | Owner |\n|---|---|---|\n| Flowflu | «k3vq8z1xw7rj» | ops |\n",
    "name,passport_no,town\nMaria Rossi,«912803456»,Bonn\n",
    "name;driver license number;town\nJan Novak;;Leeds\nMaria Rossi;«C9996889»;Bonn\n",
    'name,"tax id, local",town\n"Rossi, Maria",«911701234»,Bonn\n',
    "INSERT INTO people (name, tax_id) VALUES ('Jan Novak', '11'), ('Maria Rossi', '«911701234»');",
    "<tr><th>Name</th><th>Tax id</th></tr><tr><td>Maria Rossi</td><td>«911701234»</td></tr>",
    "<dt>Passport number</dt> <dd><b>«912803456»</b></dd>",
    '<label for="f3">Tax id</label> <input id="f3" value="«911701234»">',
    '<employerIdentificationNumber country="XX">«83-0500537»</employerIdentificationNumber>',
    '<id type="passport" issued="2020">«912803456»</id>',
    "Passport no. ........... «912803456»\n",
    "<tr><th>Name</th><th>Tax id</th></tr><tr><td>Maria Rossi</td><td><a href='/p/7'><b>«911701234»</b></a></td></tr>",
    "<dt>Tax id</dt>\n<dd>\n                    «911701234»\n                </dd>\n",
    "> | Name | tax id |\n> |---|---|\n> | Maria Rossi | «911701234» |\n",
    "+-------+--------+\n| Name | tax id |\n+-------+--------+\n| Maria | «911701234» |\n+-------+--------+\n",
    "| Name | tax id |\n|---|---|\n| Maria \\| Rossi | «911701234» |\n",
    "INSERT INTO people (name, tax_id) VALUES (N'Maria Rossi', N'«911701234»');",
    "COPY public.people (name, tax_id) FROM stdin;\nMaria Rossi\t«911701234»\n\\.\n",
]
BEHIND = [
    "«8473192-6» is the Chilean RUN on file, she says",
    "She gave «42-9077178» as her EIN.",
    "«21 January 1989» is the date of birth we have",
    "for «775 699 309» est le numéro SIREN.",
    "he sent AB, «K84731926M» (NIPT), yesterday",
    "«YS215EN» is the number plate",
    "Ich habe «279517831» als NIF eingetragen, es geht nicht",
    "I entered «279517831» as tax number",
]
SPELLED = [
    "my BSN is «MTc1Njk5OTYz»",
    '"passport": "«MTk3NTM1MjM0»"',
    "swift/bic=«VUJTV05MMjJYWFg=»",
    "REGON: «Mzg0NDQyMjMw», and more",
]
HUMPED = [
    '{"tunisianNif": "«847319265301»"}',
    "person.numeroDeRuc = '«20100070970»';",
    "<customer><paraguayanRuc>«80028061-0»</paraguayanRuc></customer>",
    "localTaxCode: «911701234»,",
]
RAGGED = [
    "| Name | tax id |\n|---|---|\n| - | - |\n| | |\n| Maria Rossi | «911701234» |\n",
    "| Name | tax id | Town |\n|---|---|---|\n| Maria Rossi | «911701234»\n",
    "Name | tax id | Town\n---|---|---\n| Maria Rossi | «911701234» | Bonn | and more |\n",
    "| Name | tax id |\n|---|---|\nMaria Rossi | «911701234»\n| Jan Novak | none |\n",
    "name,tax_id,town\nMaria Rossi,«911701234»,Bonn,and more\n",
    "name,tax_id,town,note\nMaria Rossi,«911701234»,Bonn\n",
]
PASSED = [
    "| Name | tax id | Rows |\n|---|---|---|\n| Maria Rossi | none | 911701234 |\n",
    "INSERT INTO people (tax_id, rows) VALUES (NULL, '911701234');",
    "| Name | tax id |\n|---|---|\n| Maria Rossi | none |\nThere were 911701234 rows.\n",
    "<tr><th>Tax id</th><th>Rows</th></tr><tr><td>none</td><td>911701234</td></tr>",
    "Vec<u8> token -> <password>12345678 and more",
    "Chapter 7 ........... 912803456\n",
    "911701234 is the number of rows, and 911701235 (rows) is more",
    "the build 911701234 as the newest",
    '{"chapterNumber": "911701234"}',
    "the chapter is MTc1Njk5OTYz",
    "passport: MakeItNineSo",
]
HELD_AND_SHOWN = [
    "12 May 2024 is a day",
    "on 5 21 January 1989 is his birthday, 3 of them are 12 34 56 as we say",
    "775 699 309 is th",
    "775 699 309 is the SIREN",
    "1 2 3 4 5 6 7 8 9 10 11 12 775 699 309 is her SIREN-code, D, 775 (or",
]


@pytest.mark.parametrize("text", [*TOLD, *RAGGED, *BEHIND, *HUMPED, *SPELLED])
def test_the_head_of_a_column_names_what_stands_below(guard: Guard, text: str) -> None:
    before, _, rest = text.partition("«")
    value, _, after = rest.partition("»")
    spans = [(finding.start, finding.end) for finding in guard.find(before + value + after)]
    assert any(start <= len(before) and end >= len(before) + len(value) for start, end in spans)


@pytest.mark.parametrize("text", PASSED)
def test_a_value_of_another_column_is_none(guard: Guard, text: str) -> None:
    assert [text[finding.start : finding.end] for finding in guard.find(text)] == []


ONE_UNDER_ANOTHER = "".join(f"Maria{'x' * 20}{letter},Passport\n" for letter in "abcdefghijklmnop") + "Jan,912803456\n"
JOINED_WITH_THE_NEXT_ROW = "name,license number\nStripe,k3vq8z1xw7rj\nGitHub,k3vq8z1xw7rj\n"


@pytest.mark.parametrize(
    "text",
    [
        *(*TOLD, *RAGGED, *BEHIND, *HUMPED, *SPELLED, *HELD_AND_SHOWN, *PASSED),
        ONE_UNDER_ANOTHER,
        JOINED_WITH_THE_NEXT_ROW,
    ],
)
@pytest.mark.parametrize("size", [1, 7])
def test_a_table_that_arrives_in_pieces_is_the_same(guard: Guard, text: str, size: int) -> None:
    text = "see below\n" + text.replace("«", "").replace("»", "") + "\nand so on"
    stream = guard.open_stream(persona="general", roles=frozenset(), pseudonyms=Pseudonyms())
    out = [stream.feed(text[at : at + size]) for at in range(0, len(text), size)]
    whole = guard.check(text, direction=Direction.ANSWER, persona="general", roles=frozenset(), pseudonyms=Pseudonyms())
    assert "".join((*out, stream.close())) == whole.text


@pytest.mark.parametrize(
    "text",
    [
        "RUC Nº «20100070970» de la empresa",
        "Licence number (field 5a): «C9996889»",
        "numéro de contribuable : «847319265»",
        "Mitarbeiter-Nr.: «847319»",
        "my work permit no is «WP847319»",
        "«912803456» is my passport number",
        "Israeli ID number: «047827431»",
    ],
)
def test_a_label_is_composed_and_need_not_be_known(guard: Guard, text: str) -> None:
    before, _, rest = text.partition("«")
    value, _, after = rest.partition("»")
    spans = [(finding.start, finding.end) for finding in guard.find(before + value + after)]
    assert (len(before), len(before) + len(value)) in spans


@pytest.mark.parametrize(
    ("cell", "is_held"),
    [
        ("Passport no|91", True),
        ("Passport no|Maria Rossi", True),
        ("Passport no|Maria Rossi, who lost it on the way", False),  # words for so long are words
        ("Colour|green as", False),  # a head that names nothing of interest
    ],
)
def test_a_cell_is_held_only_as_long_as_a_value_may_come_of_it(guard: Guard, cell: str, *, is_held: bool) -> None:
    head, _, begun = cell.partition("|")
    text = f"| Town | {head} |\n|---|---|\n| Leeds |{begun}"
    stream = guard.open_stream(persona="general", roles=frozenset(), pseudonyms=Pseudonyms())
    shown = stream.feed(text)
    assert (len(text) - len(shown) >= len(begun)) is is_held
    assert shown + stream.close() == text


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("we saw 8473192653 ", "8473192653 "),
        ("we saw 8473192653 is the tax", "8473192653 is the tax"),
        ("we saw 8473192653 in ", ""),
        ("we saw 8473192653 is the tax, ", ""),
        ("all 12 is the ", ""),  # too short to be one
    ],
)
def test_a_value_is_held_until_its_name_has_ended(text: str, held: str) -> None:
    data = text.encode("latin-1")
    assert text[open_value(data, 0) :] == held


def test_a_text_of_heads_alone_has_each_line_told_a_few_times() -> None:
    text = b"tax id|x1234567\n--|--\n" * 50
    assert len(list(Cells(text, 0, lambda _label: True).told())) <= 2 * 50
