import logging

import pytest
from mtattr.training.progress import Progress


@pytest.mark.parametrize(("enabled", "lines"), [(None, 2), (False, 0)])
def test_plain_lines_off_a_terminal_and_silence_on_demand(enabled, lines, caplog, capsys):
    with caplog.at_level(logging.INFO, "mtattr"), Progress("PM", 4, enabled=enabled) as shown:
        for epoch in range(2):
            shown.at(2 * epoch)
            shown.epoch(epoch, 2, {"epoch": epoch, "val_loss": 0.25})
    assert [record.getMessage() for record in caplog.records] == ["PM epoch 1/2 val_loss 0.2500", "PM epoch 2/2 val_loss 0.2500"][:lines]
    assert capsys.readouterr().err == ""


def test_a_bar_shows_title_steps_and_numbers(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Progress("PM digits", 4, enabled=True) as shown:
        shown.at(3)
        shown.epoch(0, 1, {"epoch": 0, "val_loss": 0.25})
        shown.bar.refresh()
        drawn = shown.bar.get_renderable()
    assert shown.bar.tasks[0].completed == 3
    assert shown.bar.tasks[0].fields["note"] == "val_loss 0.2500"
    assert drawn is not None
    assert "PM digits" in capsys.readouterr().err
