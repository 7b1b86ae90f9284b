"""Files of data: what is taken, and what is refused in one line that names the path."""

import numpy as np
import pytest

from scalinglaws.store import data_files, load_data

GOOD = {"inputs": np.arange(6.0).reshape(3, 2), "targets": np.array([1, 0, 1])}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_come_back_as_they_are_and_others_are_left(tmp_path, save):
    save(tmp_path / "à b.npz", extra=np.array([None]), **GOOD)
    found = load_data(tmp_path / "à b.npz")
    assert set(found) == {"inputs", "targets"}
    for name, array in GOOD.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


REFUSED = {
    "has no array targets; it has inputs, labels": {"inputs": np.ones(2), "labels": np.ones(2)},
    "has no array inputs; it has none": {},
    "has 3 inputs and 2 targets, not as many": GOOD | {"targets": np.ones(2)},
    ": targets must be finite": GOOD | {"targets": np.array([1.0, np.nan, 0.0])},
    ": inputs must be finite": GOOD | {"inputs": np.array([1.0, np.inf, 0.0])},
    ": inputs has shape () of float64 and must have real": GOOD | {"inputs": np.array(1.0)},
    ": targets has shape (0,) of float64 and must have real": GOOD | {"targets": np.ones(0)},
    ": inputs has shape (3,) of <U1 and must have real": GOOD | {"inputs": np.array(["a", "b", "c"])},
    ": inputs has shape (3,) of complex128 and must have real": GOOD | {"inputs": np.ones(3, dtype=complex)},
    "cannot be read: Object arrays cannot be loaded": GOOD | {"inputs": np.array([1, "b", None], dtype=object)},
}


def refusal(path):
    with pytest.raises(ValueError, match=r"\.npz") as refused:
        load_data(path)
    assert len(str(refused.value).splitlines()) == 1
    return str(refused.value).removeprefix(str(path)).strip()


@pytest.mark.parametrize(("message", "arrays"), REFUSED.items())
def test_arrays_that_are_no_data_are_refused_by_name(tmp_path, message, arrays):
    np.savez(tmp_path / "mine.npz", **arrays)
    assert refusal(tmp_path / "mine.npz").startswith(message.strip())


def test_what_is_no_archive_is_refused_by_name(tmp_path):
    path = tmp_path / "mine.npz"
    assert refusal(path) == "cannot be read: No such file or directory"
    np.savez(path, **GOOD)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert refusal(path).startswith("is no .npz file")
    # The arrays' own checksum tells a changed byte in their middle.
    middle = whole.index(np.float64(5.0).tobytes())
    path.write_bytes(whole[:middle] + b"\x01" + whole[middle + 1 :])
    assert refusal(path).startswith("cannot be read: Bad CRC-32")
    with open(path, "wb") as file:
        np.save(file, np.ones(3))
    assert refusal(path).startswith("is no .npz file")


def test_files_are_named_once_in_their_order():
    cases = [{"data": name} for name in ("b.npz", "a:b", "a/c.npz", "b.npz")]
    assert data_files([*cases, {"dataset": "digits"}]) == ["b.npz", "a/c.npz"]
