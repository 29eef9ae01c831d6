"""Where records come from: Parquet, CSV, a directory of either, Arrow, pandas, Polars. Columns in, nothing computed.

CSV is read as text, so a decimal keeps every digit it was written with; an unquoted empty cell is null.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from holdfast.errors import HoldfastError, Problem

Input = Any
"""A path (str or Path) to .parquet, .csv or .csv.gz, a directory of them, a pyarrow Table, a pandas or Polars frame."""

BATCH = 131_072
SHOWN = 5
"""Lines of a torn CSV file that are told."""
CSV = (".csv", ".csv.gz")
"""How the name of a CSV file ends."""
_PARQUET = (".parquet", ".pq")


def names_of(source: Input, where: str = "") -> list[str]:
    """The columns an input has, in its own order."""
    if isinstance(source, str | Path):
        return _file_names(files(Path(source), where)[0], where)
    return [str(name) for name in _frame(source, None, where).column_names]


def read(source: Input, columns: Sequence[str], where: str = "") -> pa.Table:
    """These columns of the whole input. Raises HoldfastError when it cannot be read."""
    if not isinstance(source, str | Path):
        return _frame(source, columns, where).select(list(columns))
    tables = [_read_file(path, columns, where) for path in files(Path(source), where)]
    try:
        return pa.concat_tables(tables, promote_options="permissive") if len(tables) > 1 else tables[0]
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        mend = "write all files of the folder with the same column types"
        raise HoldfastError(f"the files of {source} differ: {error}", where=where, mend=mend) from error


def stream(source: Input, columns: Sequence[str], where: str = "", rows: int = BATCH) -> Iterator[pa.Table]:
    """The same, some `rows` at a time, so that an input larger than memory can be read."""
    if not isinstance(source, str | Path):
        table = read(source, columns, where)
        for start in range(0, table.num_rows, rows):
            yield table.slice(start, rows)
        return
    for path in files(Path(source), where):
        with _faults(path, where):
            if path.name.endswith(CSV):
                with pyarrow.csv.open_csv(path, **_csv_options(columns)) as reader:
                    for batch in reader:
                        yield pa.Table.from_batches([batch])
            else:
                with pyarrow.parquet.ParquetFile(path) as file:
                    for batch in file.iter_batches(batch_size=rows, columns=list(columns)):
                        yield pa.Table.from_batches([batch])


def count(source: Input, where: str = "") -> int | None:
    """How many rows there are, where that is known without reading them."""
    if not isinstance(source, str | Path):
        return len(source)
    found = files(Path(source), where)
    if any(path.name.endswith(CSV) for path in found):
        return None
    rows = 0
    for path in found:
        with _faults(path, where):
            rows += int(pyarrow.parquet.read_metadata(path).num_rows)
    return rows


def resolve(
    names: Sequence[str], wanted: str, former: Sequence[str] = (), *, optional: bool = False
) -> tuple[str | None, Problem | None]:
    """The column that holds a field: its name, else a former one. A missing one is a problem unless optional."""
    for name in (wanted, *former):
        if name in names:
            return name, None
    if optional:
        return None, None
    close = get_close_matches(wanted, names, n=1)
    mend = f"did you mean {close[0]!r}?" if close else "the input has " + ", ".join(list(names)[:12])
    return None, Problem(wanted, "missing", "is not a column of the input", mend)


@contextmanager
def _faults(path: Path, where: str) -> Iterator[None]:
    """Turns what Arrow says of a file into an error that names the file."""
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        told, mend = (str(error) or type(error).__name__).splitlines()[0], "give a readable Parquet or CSV file"
        odd = _odd_lines(path) if isinstance(error, pa.ArrowInvalid) and path.name.endswith(CSV) else []
        if odd:
            told = "; ".join(odd[:SHOWN]) + (f" and {len(odd) - SHOWN:,} more" if len(odd) > SHOWN else "")
            mend = "look for a comma too many or too few there, or for a text with commas and no quotes"
        raise HoldfastError(f"cannot read {path}: {told}", where=where, mend=mend) from error


def _odd_lines(path: Path) -> list[str]:
    """The lines of a CSV file that have more or fewer cells than its header."""
    found: list[str] = []

    def told(row: pyarrow.csv.InvalidRow) -> str:
        begin = ",".join(row.text.split(",")[:3])
        found.append(f"line {row.number} has {row.actual_columns} cells, the header {row.expected_columns}: {begin}…")
        return "skip"

    options = pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=told)
    try:
        pyarrow.csv.read_csv(path, pyarrow.csv.ReadOptions(use_threads=False), options)
    except (pa.ArrowInvalid, OSError):
        return []
    return found


def files(path: Path, where: str) -> list[Path]:
    """The files of an input, in the order they are read. Raises HoldfastError when there are none."""
    if not path.exists():
        raise HoldfastError(f"there is no {path}", where=where, mend="check the path of this input")
    if not path.is_dir():
        if path.name.endswith(CSV + _PARQUET):
            return [path]
        raise HoldfastError(
            f"{path} is neither Parquet nor CSV by its name", where=where, mend="name it .parquet, .csv or .csv.gz"
        )
    found = sorted(item for item in path.rglob("*") if item.name.endswith(CSV + _PARQUET) and item.is_file())
    if not found:
        raise HoldfastError(f"{path} holds no .parquet or .csv file", where=where, mend="check the path of this input")
    return found


def _file_names(path: Path, where: str) -> list[str]:
    names: list[str] = []
    with _faults(path, where):
        if path.name.endswith(CSV):
            with pyarrow.csv.open_csv(path) as reader:
                names = list(reader.schema.names)
        else:
            names = list(pyarrow.parquet.read_schema(path).names)
    return names


def _read_file(path: Path, columns: Sequence[str], where: str) -> pa.Table:
    table: pa.Table = None
    with _faults(path, where):
        if path.name.endswith(CSV):
            table = pyarrow.csv.read_csv(path, **_csv_options(columns))
        else:
            with pyarrow.parquet.ParquetFile(path) as file:
                table = file.read(columns=list(columns))
    return table


def _csv_options(columns: Sequence[str]) -> dict[str, Any]:
    convert = pyarrow.csv.ConvertOptions(
        column_types={name: pa.large_string() for name in columns},
        include_columns=list(columns),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
    )
    return {"convert_options": convert, "parse_options": pyarrow.csv.ParseOptions(newlines_in_values=True)}


def _frame(source: Any, columns: Sequence[str] | None, where: str) -> pa.Table:
    if isinstance(source, pa.RecordBatch):
        return pa.Table.from_batches([source])
    if isinstance(source, pa.Table):
        return source
    library = type(source).__module__.split(".")[0]
    if library == "polars":
        frame = source.collect() if hasattr(source, "collect") else source
        return (frame if columns is None else frame.select(list(columns))).to_arrow()
    if library == "pandas":
        return _from_pandas(source if columns is None else source[list(columns)], where)
    raise HoldfastError(
        f"a {type(source).__name__} is no input", where=where, mend="give a path, an Arrow table, pandas or Polars"
    )


def _from_pandas(frame: Any, where: str) -> pa.Table:
    """Turns Arrow's refusal of a mixed column into an error that says which."""
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        told = " ".join(map(str, error.args))
        raise HoldfastError(told, where=where, mend="give each column one type") from error
