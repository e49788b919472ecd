import hashlib
import warnings

import pytest
from mtattr.data.checksums import warn_of_other_copies


def test_a_copy_that_differs_is_a_warning_that_names_it(tmp_path):
    (tmp_path / "same.txt").write_bytes(b"one")
    (tmp_path / "other.txt").write_bytes(b"two")
    md5 = hashlib.md5(b"one").hexdigest()
    published = {tmp_path / name: md5 for name in ("same.txt", "other.txt", "absent.txt")}
    with pytest.warns(UserWarning, match="other.txt") as caught:
        found = warn_of_other_copies(published)
    assert len(caught) == 1
    assert found == {"same.txt": "as published", "other.txt": "differs from the published file"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert warn_of_other_copies({tmp_path / "same.txt": md5}) == {"same.txt": "as published"}
