"""Data dirs: which are taken, and the one line that says why another is not."""

import os
from pathlib import Path

import pytest

from service.local.errors import EmbeddedError
from service.local.layout import DataDir


def test_a_new_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "a" / "b")
    data.open()
    assert (tmp_path / "a" / "b" / "layout").exists()
    data.close()


def test_secrets_stay_the_same_and_are_for_the_owner_alone(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    assert data.secret("one") == data.secret("one") != data.secret("two")
    assert data.webhook_secret("hook") == data.webhook_secret("hook")
    assert data.webhook_secret("hook").startswith("whsec_")
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "secrets").iterdir())


def test_others_see_nothing_in_it(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    data.open()
    inside = [path for path in data.root.iterdir() if path.is_dir()]
    assert inside
    assert all(path.stat().st_mode & 0o077 == 0 for path in inside)
    data.close()


def test_another_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "layout").write_text("99\n")
    with pytest.raises(EmbeddedError, match="has layout 99, and this Tunehouse supports 2"):
        DataDir(tmp_path).open()


def test_a_folder_with_other_things_in_it_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(EmbeddedError, match="is not a Tunehouse data directory"):
        DataDir(tmp_path).open()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match="cannot create the data directory"):
        DataDir(tmp_path / "file").open()


def test_one_in_use_is_refused(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    data.open()
    with pytest.raises(EmbeddedError, match="in use by another process"):
        DataDir(tmp_path).open()
    data.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_one_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    with pytest.raises(EmbeddedError, match="belongs to user 12345"):
        DataDir(tmp_path).open()


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_one_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(EmbeddedError, match="may not be written"):
        DataDir(tmp_path).open()
