from __future__ import annotations

from assistant.embedded.exit_status import ExitStatus


def test_the_numbers_are_a_promise_to_scripts() -> None:
    assert {status.name: status.value for status in ExitStatus} == {
        "STOPPED": 0,
        "FAILED": 1,
        "SETTINGS": 2,
        "PORT_TAKEN": 3,
        "DISK": 4,
        "DATA_VERSION": 5,
        "ALREADY_RUNNING": 6,
        "SERVER_FAILED": 7,
    }
