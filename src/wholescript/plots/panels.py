"""Small multiples: a panel per model, with the curves of the others in grey behind it."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from wholescript.plots.forest import interval_errors
from wholescript.plots.style import OTHERS, WIDTH, family_of
from wholescript.plots.ticks import row_name

N_COLUMNS = 2


def reliability_panels(curves: Mapping[str, pd.DataFrame], x_label: str, y_label: str) -> Figure:
    """Draw calibration curves (columns `predicted`, `observed`), a panel per model.

    With the columns `low` and `high` the 95% intervals of `observed` are drawn as bars. The dotted
    diagonal is perfect calibration.
    """
    n_columns = min(N_COLUMNS, max(1, len(curves)))
    n_rows = max(1, -(-len(curves) // n_columns))
    figure, panels = plt.subplots(
        n_rows, n_columns, sharex=True, sharey=True, squeeze=False,
        figsize=(WIDTH, 2.3 * n_rows + 0.5),
    )  # fmt: skip
    for axes in panels.flat[len(curves) :]:
        axes.set_axis_off()
    for axes in panels.flat[len(curves) - n_columns : len(curves)]:
        axes.tick_params(labelbottom=True)  # also above an empty panel
    every = pd.concat(curves.values()) if curves else pd.DataFrame({"predicted": [0.0, 1.0]})
    highest = float(every.drop(columns="n", errors="ignore").max().max())
    limits = float(every["predicted"].min()) - 0.03, min(1.02, highest + 0.03)
    if limits[0] < 0.25:
        limits = 0.0, limits[1]
    for axes, (name, curve) in zip(panels.flat, curves.items(), strict=False):
        family = family_of(name)
        axes.plot([0, 1], [0, 1], color="0.5", linestyle=":", linewidth=1)
        for other, of_other in curves.items():
            if other != name:
                axes.plot(of_other["predicted"], of_other["observed"], **OTHERS)
        bounds = interval_errors(curve, "observed") if "low" in curve else None
        axes.errorbar(
            curve["predicted"], curve["observed"], yerr=bounds, ms=3.5, linewidth=1.4,
            elinewidth=0.8, color=family.color, marker=family.marker,
        )  # fmt: skip
        axes.set(xlim=limits, ylim=limits)
        axes.set_title(row_name(name, 24))
    figure.supxlabel(x_label)
    figure.supylabel(y_label)
    return figure
