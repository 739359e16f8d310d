import io
import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from tests.shell import shell
from wholescript.prediction import predictor as predictor_module


@pytest.fixture
def run_predict(model, monkeypatch):
    """Call `wholescript predict` on the small model."""
    loaded = predictor_module.load_predictor(model)
    monkeypatch.setattr(predictor_module, "load_predictor", lambda: loaded)
    return lambda *arguments: shell(["predict", "film", *map(str, arguments)])


@pytest.fixture
def script(in_each_format, tmp_path):
    return shutil.copy(in_each_format[".fountain"], tmp_path / "film.fountain")


def test_output_has_probability_interval_and_base_rate(run_predict, script):
    result = run_predict(script, "--year", "1895")
    assert result.exit_code == 0
    assert re.search(r"film\.fountain: probability .* \d+% \(95% interval .*: 33%\n", result.output)
    assert "base rate in the training films: 33%" in result.output
    assert "warning: year: 1895" in result.output
    with Image.open(script.with_name("film.fountain.prediction.png")) as image:
        assert image.width > 900
        assert np.asarray(image.convert("L"))[:, [0, -1]].min() == 255, "the title is cut"


def test_words_are_listed_by_their_effect(run_predict, script):
    output = run_predict(script, "--no-figure").output
    for effect, sign in (("raise", "\\+"), ("lower", "-")):
        listed = rf"(\w+ {sign}0\.\d{{3}} \(SE 0\.\d{{3}}\)(, |\n)){{3}}"
        assert re.search(f"words that {effect} it most: {listed}", output)


def test_script_without_known_words_has_a_figure(run_predict, tmp_path):
    unknown = tmp_path / "unknown.txt"
    unknown.write_text("qqq zzzz " * 900)
    result = run_predict(unknown)
    assert result.exit_code == 0, result.output
    assert "words that raise it most: none" in result.output
    assert unknown.with_name("unknown.txt.prediction.png").exists()


def test_json_output(run_predict, script):
    result = run_predict(script, "--json", "--no-figure")
    (answer,) = json.loads(result.output)
    assert answer["file"] == str(script)
    assert answer["low"] < answer["probability"] < answer["high"]
    assert answer["base_rate"] == pytest.approx(1 / 3)
    assert len(answer["parts"]) == 20
    assert answer["words"][0].keys() == {"word", "count", "contribution", "std_error"}
    assert answer["figure"] is None
    assert list(script.parent.glob("*.png")) == []


def test_bad_file_does_not_stop_the_others(run_predict, script, tmp_path):
    bad, digits = tmp_path / "empty.txt", tmp_path / "digits.txt"
    bad.touch()
    digits.write_text("1234 . " * 2_000)
    result = run_predict(bad, digits, script, tmp_path / f"{300 * 'none'}.pdf", "--json")
    assert result.exit_code == 2
    answers = json.loads(result.stdout)
    assert [list(answer)[:2] for answer in answers] == [
        ["file", "error"],
        ["file", "error"],
        ["file", "probability"],
        ["file", "error"],
    ]
    assert "empty.txt: empty. Save the script again." in result.stderr
    assert "digits.txt: 0 of 4,000 words have letters" in result.stderr
    assert "none.pdf: cannot be read (File name too long)" in result.stderr


def test_markup_in_a_file_name_is_text_in_the_figure(run_predict, script, tmp_path):
    named = script.rename(tmp_path / "<script>alert(1)<&$x^2$--.fountain")
    drawings = [tmp_path / name for name in ("one.svg", "two.svg")]
    for drawing in drawings:
        assert run_predict(named, "--figure", drawing).exit_code == 0
    root = ET.parse(drawings[0]).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not [node for node in root.iter() if str(node.tag).endswith("script")]
    assert "<script" not in drawings[0].read_text()
    assert drawings[0].read_bytes() == drawings[1].read_bytes()


def test_figure_of_another_kind_is_an_error(run_predict, script, tmp_path):
    result = run_predict(script, "--figure", tmp_path / "chart.pdf")
    assert result.exit_code == 2 and result.stdout == ""
    assert "a figure needs a suffix among .png, .svg" in result.stderr


def test_figure_that_cannot_be_written_does_not_cost_the_answer(run_predict, script):
    script.with_name("film.fountain.prediction.png").mkdir()
    result = run_predict(script)
    assert result.exit_code == 0
    assert "warning: the figure" in result.stderr and "--no-figure" in result.stderr
    assert "probability of a nomination" in result.stdout and "figure:" not in result.stdout
    (answer,) = json.loads(run_predict(script, "--json").stdout)
    assert answer["probability"] > 0 and answer["figure"] is None


def test_remedies_for_a_figure_fit_the_number_of_scripts(run_predict, script, tmp_path, read_only):
    scripts = [shutil.copy(script, read_only / name) for name in ("a.txt", "b.txt")]
    one, two = run_predict(scripts[0]), run_predict(*scripts)
    figure = f"the figure {scripts[0]}.prediction.png cannot be written (Read-only file system)"
    assert f"{figure}: name another file with --figure, or draw none with" in one.stderr
    assert f"{figure}: draw none with --no-figure" in two.stderr
    assert one.exit_code == two.exit_code == 0 and two.stdout.count("probability of") == 2


def test_figure_that_was_asked_for_and_not_written_is_an_error_after_the_answer(
    run_predict, script
):
    result = run_predict(script, "--figure", script / "x.png")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
    assert "probability of a nomination" in result.stdout


def test_folder_and_pattern_and_standard_input(run_predict, script, tmp_path, monkeypatch):
    shutil.copy(script, tmp_path / "other.txt")
    (tmp_path / "readme.md").touch()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(script.read_bytes())))
    result = run_predict(tmp_path, tmp_path / "*.txt", "-", "--json", "--no-figure")
    assert result.exit_code == 0, result.stderr
    answers = json.loads(result.stdout)
    names = ["film.fountain", "other.txt", "other.txt", "standard input"]
    assert [answer["file"].rsplit("/")[-1] for answer in answers] == names
    assert len({answer["probability"] for answer in answers}) == 1
    assert "left out" in result.stderr and "readme.md" in result.stderr


def test_standard_input_has_no_figure_by_default(run_predict, script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(script.read_bytes())))
    assert "standard input: probability" in run_predict("-").stdout
    assert list(tmp_path.glob("*.png")) == []


@pytest.mark.parametrize("option", ["--yeer", "-x"])
def test_unknown_option_is_no_script(run_predict, script, option):
    result = run_predict(script, option, "3")
    assert result.exit_code == 2 and f"unknown option {option}" in result.stderr


def test_one_figure_for_two_scripts_is_an_error(run_predict, script):
    result = run_predict(script, script, "--figure", "both.png")
    assert result.exit_code == 2
    assert "one file for 2 scripts" in result.stderr


def test_prediction_imports_neither_torch_nor_pandas(script):
    code = (
        "import sys; from tests.shell import shell; "
        f"result = shell(['predict', 'film', {str(script)!r}]); "
        "assert 'base rate' in result.output, result.output; "
        "print({'torch', 'pandas', 'sklearn', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
