"""Tables come back as they went in, are plain csv, and are read only if they are what the sums beside them say."""

import subprocess

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalinglaws.store import Corrupted, load_table, load_tables, save_table, save_tables

exactly = settings(deadline=None, derandomize=True, max_examples=40)

any_floats = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=64), min_size=1, max_size=8)
# Text as tables hold it: names and sentences; not what csv cannot tell from a number, from nothing, or a line's end.
words = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=12).map(lambda text: f"a{text}")


@exactly
@given(any_floats)
def test_floats_come_back_exactly(tmp_path_factory, values):
    path = tmp_path_factory.getbasetemp() / "floats.csv"
    save_table(path, pd.DataFrame({"name": "a", "value": values}))
    ours = load_table(path).value.to_numpy(float)
    np.testing.assert_array_equal(ours, values)
    np.testing.assert_array_equal(np.signbit(ours), np.signbit(values) & ~np.isnan(values))


@exactly
@given(st.lists(words, min_size=1, max_size=5))
def test_text_comes_back(tmp_path_factory, values):
    path = tmp_path_factory.getbasetemp() / "words.csv"
    save_table(path, pd.DataFrame({"text": values, "number": range(len(values))}))
    assert load_table(path).text.tolist() == values


@pytest.mark.parametrize("text", ["NA", "None", "null", "N/A", "a,b", 'say "λ"', "two\nlines", "# no comment"])
def test_words_that_pandas_takes_for_missing_are_words(tmp_path, text):
    save_table(tmp_path / "t.csv", pd.DataFrame({"text": [text, "b"]}))
    assert load_table(tmp_path / "t.csv").text.tolist() == [text, "b"]


def test_missing_numbers_stay_missing_and_whole_numbers_whole(tmp_path):
    table = pd.DataFrame({"low": [np.nan, np.nan], "value": [1.0, np.nan], "seed": [2**53 + 1, 0], "ok": [True, False]})
    save_table(tmp_path / "t.csv", table)
    pd.testing.assert_frame_equal(load_table(tmp_path / "t.csv"), table)


def test_a_table_without_rows_keeps_its_columns(tmp_path):
    save_table(tmp_path / "t.csv", pd.DataFrame(columns=["dataset", "slope"]))
    assert load_table(tmp_path / "t.csv").columns.tolist() == ["dataset", "slope"]


def test_a_table_is_plain_csv_with_unix_line_ends(tmp_path):
    save_table(tmp_path / "t.csv", pd.DataFrame({"a": [0.1, 1e-300], "b": ["x", "y"]}, index=[7, 9]))
    assert (tmp_path / "t.csv").read_bytes() == b"a,b\n0.1,x\n1e-300,y\n"


@pytest.mark.parametrize(
    "content",
    [
        *(None, b"", b"a,b\n1,2\n3,4,5\n", b"a,b\n1,2,3\n4,5,6\n", b"a,b\n0,1,2\n", b"a\n\xff\xfe\n"),
        *(b"a,b\n1,2\n3\n", b"a,b\n1\n3,4\n", b"a,b\n1,2\n3,4.2", b'a,b\n1,2\n3,"x\n'),
    ],
    ids=[
        *("missing", "empty", "ragged", "too wide", "too wide, one row", "binary"),
        *("last row short", "first row short", "last number cut", "text cut"),
    ],
)
def test_what_is_no_table_is_refused_by_name(tmp_path, content):
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(Corrupted, match=r"t\.csv cannot be read as a table") as refusal:
        load_table(tmp_path / "t.csv")
    assert "\n" not in str(refusal.value)


def test_a_table_cut_anywhere_is_refused_or_lacks_whole_rows(tmp_path):
    path, table = tmp_path / "t.csv", pd.DataFrame({"a": [1.25, np.nan], "b": ["x, y", 'two "\n"'], "c": [np.nan, 3]})
    save_table(path, table)
    content, kept = path.read_bytes(), set()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        try:
            loaded = load_table(path)
        except Corrupted:
            continue
        kept.add(len(loaded))
        pd.testing.assert_frame_equal(loaded, table[: len(loaded)], check_dtype=False)
    assert kept == {0, 1}


@pytest.mark.parametrize("text", ["a\rb", "a\r\nb", "\r"])
def test_text_with_a_carriage_return_is_refused_before_anything_is_written(tmp_path, text):
    with pytest.raises(ValueError, match=r"t\.csv has text with a carriage return and must have none"):
        save_table(tmp_path / "t.csv", pd.DataFrame({"text": ["fine", text], "number": [1, 2]}))
    assert list(tmp_path.iterdir()) == []


# --- sums -----------------------------------------------------------------------------------------------------------

TABLES = {
    "runs": pd.DataFrame({"dataset": ["power_law", "digits"], "loss": [0.125, 1e-300]}),
    "fits": pd.DataFrame({"slope": [-1.5], "low": [-1.6]}),
}


@pytest.fixture
def kept(tmp_path):
    """Paths of the tables by name, saved with their sums; and the file of these."""
    paths = {name: tmp_path / f"{name}.csv" for name in TABLES}
    save_tables({path: TABLES[name] for name, path in paths.items()}, tmp_path / "sweep.sha256")
    return paths, tmp_path / "sweep.sha256"


def test_tables_come_back_whatever_the_order(kept):
    paths, sums = kept
    found = load_tables(paths, [sums])
    for name, table in TABLES.items():
        pd.testing.assert_frame_equal(found[name], table)
    text = sums.read_text(encoding="utf-8")
    save_tables({paths[name]: TABLES[name] for name in reversed(TABLES)}, sums)
    assert sums.read_text(encoding="utf-8") == text


def test_the_sums_are_those_of_sha256sum(kept):
    _, sums = kept
    command = ["sha256sum", "--check", "--strict", "--quiet", sums.name]
    assert subprocess.run(command, cwd=sums.parent, capture_output=True, check=False).stdout == b""


def test_sums_of_several_experiments_are_read_together(kept, tmp_path):
    paths, sums = kept
    save_tables({tmp_path / "claims.csv": TABLES["fits"]}, tmp_path / "claims.sha256")
    found = load_tables({**paths, "claims": tmp_path / "claims.csv"}, [tmp_path / "claims.sha256", sums])
    assert list(found) == [*TABLES, "claims"]


@pytest.mark.parametrize("name", ["deeper/sweep.sha256", "sweep.txt"])
def test_sums_elsewhere_or_of_another_suffix_are_refused_before_anything_is_written(tmp_path, name):
    with pytest.raises(ValueError, match=r"must end in \.sha256 and lie in the folder of its tables"):
        save_tables({tmp_path / "runs.csv": TABLES["runs"]}, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_reads_as_well_as_before_is_refused(kept):
    paths, sums = kept
    paths["runs"].write_text(paths["runs"].read_text(encoding="utf-8").replace("0.125", "0.126"), encoding="utf-8")
    assert load_table(paths["runs"]).loss[0] == 0.126
    with pytest.raises(Corrupted, match=r"runs\.csv is missing or differs from its sum in .*sweep\.sha256: delete it"):
        load_tables(paths, [sums])


DAMAGED_SUMS = {
    "empty": (lambda text: "", "is no list of sums"),
    "no end": (lambda text: text[:-1], "is no list of sums"),
    "a blank line": (lambda text: text + "\n", "is no list of sums"),
    "another digest": (lambda text: text.translate(str.maketrans("0123456789", "1234567890")), "differs from its sum"),
    "a digest in capitals": (str.upper, "is no list of sums"),
    "a path": (lambda text: text.replace("  ", "  ../"), "is no list of sums"),
    "another name": (lambda text: text.replace("runs", "fun"), "has no sum in"),
    "cut at a line's end": (lambda text: text[: text.index("\n") + 1], "has no sum in"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGED_SUMS.values(), ids=DAMAGED_SUMS)
def test_damaged_sums_are_refused_by_name(kept, damage, message):
    paths, sums = kept
    sums.write_text(damage(sums.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(Corrupted, match=message) as refusal:
        load_tables(paths, [sums])
    assert str(sums) in str(refusal.value)
    assert str(refusal.value).endswith("delete it and run the same command again")


def test_missing_sums_and_tables_without_any_are_refused_by_name(kept):
    paths, sums = kept
    with pytest.raises(Corrupted, match=r"fits\.csv has no sum in any file beside it"):
        load_tables({"fits": paths["fits"]}, [])
    sums.unlink()
    with pytest.raises(Corrupted, match=r"sweep\.sha256 cannot be read"):
        load_tables(paths, [sums])
