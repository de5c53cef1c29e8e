from connectors.model_hosts.choosing import held as held_file
from connectors.model_hosts.choosing.choice import Held
from connectors.model_hosts.choosing.held import HeldThreads


def test_who_answered_last_has_the_conversation_for_a_while() -> None:
    now = [0.0]
    threads = HeldThreads(lambda: now[0])
    threads.note("a", Held("Dev1/m", 100))
    threads.note("a", Held("Dev2/m", 200))
    threads.note("", Held("Dev1/m", 100))
    now[0] = 599.0
    assert threads.find("a") == Held("Dev2/m", 200)
    assert threads.find("") is None
    now[0] = 601.0
    assert threads.find("a") is None


def test_only_so_many_are_remembered() -> None:
    threads = HeldThreads()
    for number in range(held_file._MOST + 5):
        threads.note(str(number), Held("Dev1/m", 1))
    assert threads.find("4") is None
    assert threads.find("5") is not None
