from pathlib import Path

import pytest

from wholescript.data.tables import TextFormat, read_table
from wholescript.errors import DataError

TEXTS = {
    "shift_jis": "駅前の店は今日も混んでいた,a\n雨が降ると猫は眠る,b\n",
    "euc_kr": "오늘은 비가 많이 왔습니다,a\n고양이가 창가에서 잤어요,b\n",
    "cp1251": "Весной шёл тёплый дождь,a\nЩенок жевал чужую тапочку,b\n",  # noqa: RUF001
    "cp1252": "Überall war Wasser auf der Straße,a\nDas Kätzchen schläft “endlich”,b\n",
}


def _save(folder: Path, encoding: str) -> Path:
    path = folder / "own.csv"
    path.write_bytes(f"text,label\n{TEXTS[encoding] * 5}".encode(encoding))
    return path


@pytest.mark.parametrize("encoding", TEXTS)
def test_likely_encodings_are_proposed_with_a_sample(tmp_path: Path, encoding: str) -> None:
    path = _save(tmp_path, encoding)
    proposal = rf"--encoding {encoding} \('{TEXTS[encoding][:4]}"
    with pytest.raises(DataError, match=rf"own.csv is not utf-8: line 2.*{proposal}"):
        read_table(path)
    assert read_table(path, TextFormat(encoding)).frame["label"].tolist() == ["a", "b"] * 5


@pytest.mark.parametrize(("encoding", "given"), [("shift_jis", "latin-1"), ("euc_kr", "cp1252")])
def test_mojibake_by_a_wrong_encoding_is_refused(tmp_path: Path, encoding: str, given: str) -> None:
    path = _save(tmp_path, encoding)
    with pytest.raises(DataError, match=rf"not {given}: .* no sense.*--encoding {encoding}"):
        read_table(path, TextFormat(given))


def test_a_wrong_encoding_is_told_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _save(tmp_path, "cp1252")
    read_table(path, TextFormat("cp1251"))
    assert "as cp1251, although it looks like cp1252" in capsys.readouterr().out
    path.write_bytes(b"text,label\nd\xe9j\xe0 vu,a\n")  # a few accents suit Baltic languages too
    read_table(path, TextFormat("cp1252"))
    assert not capsys.readouterr().out
    path.write_bytes(b"text,label\ncaf\xe9s in my lane,a\n")
    with pytest.raises(DataError, match=r"not utf-16: it has no zero bytes.*--encoding cp1252"):
        read_table(path, TextFormat("utf-16"))
    path.write_text("text,label\nfünf Äpfel,a\nzwölf,b\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"not cp1252: it is UTF-8. Leave out --encoding"):
        read_table(path, TextFormat("cp1252"))
