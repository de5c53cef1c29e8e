"""What issue 6 states about the deck's figures, each against our sum."""

from __future__ import annotations

import pytest

from connectors.model_hosts.capacity.deck import Printed, check_deck, options, read_deck
from connectors.model_hosts.facts.facts import shipped_facts

FIGURES = {printed.what: printed for printed in check_deck(shipped_facts())}
OPTIONS = {option.printed.name: option for option in options(shipped_facts())}


def figure(what: str) -> Printed:
    (found,) = (printed for name, printed in FIGURES.items() if name.startswith(what))
    return found


@pytest.mark.parametrize(
    ("what", "holds", "sums"),
    [
        ("RTX 4090, compute per dollar", True, "82.6 TFLOPS x 1000 / $1,599 = 51.66"),
        ("RTX A6000, compute per dollar", True, "48.6 TFLOPS x 1000 / $4,500 = 10.80"),
        ("RX 7900 XTX, compute per dollar", False, "61.4 TFLOPS x 1000 / $999 = 61.46"),
        ("M2 Ultra, compute per dollar", True, "30 TFLOPS x 1000 / $5,599 = 5.36"),
        ("M4 Pro, compute per dollar", True, "40 TFLOPS x 1000 / $2,300 = 17.39"),
        ("RTX 4090, TFLOPS", True, "82.6 by the data sheet"),
        ("RTX A6000, TFLOPS", False, "38.7 by the data sheet, so 38.7 x 1000 / $4,500 = 8.60"),
        ("RX 7900 XTX, TFLOPS", True, "61.4 by the data sheet"),
        ("M2 Ultra, TFLOPS", False, "21.5 to 27.2 by the data sheet, so 21.5 to 27.2 x 1000 / $5,599 = 3.84 to 4.86"),
        ("M4 Pro, TFLOPS", False, "8 by the data sheet, so 8 x 1000 / $2,300 = 3.48"),
        ("M4 Pro, bandwidth", False, "273 GB/s by the data sheet"),
        ("M2 Ultra, bandwidth", True, "800 GB/s by the data sheet"),
        ("phase 1", True, "8 x $4,500 = $36,000"),
        ("phase 2", True, "40 x $999 = $39,960"),
        ("phase 3", True, "40 x $999 = $39,960"),
        ("initial set-up, price", True, "36,000 + 39,960 = $75,960"),
        (
            "initial set-up, what it buys",
            False,
            "75,960 - 75,960 = $0 for host machines; 48 cards need 6 (8 a machine)",
        ),
        ("advanced set-up", True, "500,000 - 115,920 = $384,080 for machines, cooling and network"),
        ("a year of the initial", False, "16,600 W x 8,760 h = 145,416 kWh; $20,000 / 145,416 kWh = 13.8 ct/kWh"),
        ("a year of the advanced", False, "30,800 W x 8,760 h = 269,808 kWh; $20,000 / 269,808 kWh = 7.4 ct/kWh"),
        ("Mini1 runs Qwen 2.5 32B", False, "18.7 + 2.0 + 1 for buffers = 21.7 GiB of 18.0"),
        ("Mini2 runs Llama 3.1 70B", True, "40.2 + 2.5 + 1 for buffers = 43.7 GiB of 48.0"),
        ("256 GB of Macs run Llama 3.1 405B", False, "405.9e9 x 4.8944 bits / 8 = 231.3 GiB"),
        ("Dev1 runs Qwen 2.5 32B with 32k", False, "27.7 > 22.8 GiB: does not fit"),
        ("Dev1 runs Qwen 2.5 7B with 32k", True, "7.1 <= 22.8 GiB: fits"),
    ],
)
def test_figure_with_its_arithmetic(what: str, *, holds: bool, sums: str) -> None:
    assert sums in figure(what).sums
    assert figure(what).holds is holds


@pytest.mark.parametrize(
    ("name", "largest", "times"),
    [
        ("RTX 4090", 35, 1.38),
        ("RTX A6000", 74, 1.30),
        ("RX 7900 XTX", 35, 1.38),
        ("M2 Ultra", 243, 1.58),
        ("M4 Pro", 78, 1.64),
    ],
)
def test_twice_the_memory_overstates_the_largest_model(name: str, largest: int, times: float) -> None:
    option = OPTIONS[name]
    assert round(option.largest_billions) == largest
    assert option.printed.largest_billions == 2 * option.printed.memory_gb
    over = option.printed.largest_billions / option.largest_billions
    assert round(over, 2) == times
    assert 1.3 <= over <= 1.65
    assert not figure(f"{name}, largest model").holds


def test_speed_of_the_largest_model() -> None:
    speeds = {name: round(option.tokens_per_second, 1) for name, option in OPTIONS.items()}
    assert speeds == {"RTX 4090": 47.5, "RTX A6000": 17.0, "RX 7900 XTX": 45.2, "M2 Ultra": 5.4, "M4 Pro": 5.7}


def test_every_printed_figure_of_the_table_is_checked() -> None:
    names = [row.name for row in read_deck().rows]
    wanted = {
        f"{name}, {what}" for name in names for what in ("compute per dollar", "TFLOPS", "bandwidth", "largest model")
    }
    assert wanted <= FIGURES.keys()
