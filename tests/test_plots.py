import sys
from io import BytesIO
from itertools import combinations
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optim.plain import plains

from minirad import optim
from minirad.plots import (
    BINS,
    CEILING,
    STYLES,
    Panel,
    compare_figure,
    log_bins,
    new_figure,
    runs_figure,
    styles_of,
    trace_figure,
)

agg = pytest.importorskip("matplotlib.backends.backend_agg", reason="needs matplotlib")

lengths = st.integers(1, 3000) | st.integers(1, 30)
TITLES = ["SGD, momentum 0.9", "Adam", "Adam, warmup over 10%", "RAdam"]


def stretches(length):
    """The first and the last step of each stretch of a curve of this length.

    log_bins gives the middle m = (a + b) / 2 as the mean of the steps themselves, and s = sqrt(a b): a and b solve
    z^2 - 2 m z + s^2 = 0.
    """
    s, means = log_bins([range(1, length + 1)])
    m = means[0]
    root = np.sqrt(np.maximum(m**2 - s**2, 0))
    return np.rint(m - root).astype(int), np.rint(m + root).astype(int)


# ---- log_bins


@given(lengths)
def test_the_stretches_hold_every_step_once(length):
    first, last = stretches(length)
    assert first[0] == 1
    assert last[-1] == length
    np.testing.assert_array_equal(first[1:], last[:-1] + 1)
    assert len(first) <= BINS


@given(lengths)
def test_the_stretches_look_equally_long(length):
    first, last = stretches(length)
    factor = (length + 1) ** (1 / BINS)
    # [a, b) with b = a * factor, but for rounding a and b to whole steps.
    assert (last + 1 <= (first + 0.5) * factor + 0.5 + 1e-9).all()


@given(st.lists(lengths, min_size=1, max_size=4), st.integers(0, 99))
def test_the_means_are_right(sizes, seed):
    rng = np.random.default_rng(seed)
    curves = [rng.exponential(size=n).tolist() for n in sizes]
    first, last = stretches(max(sizes))
    steps, means = log_bins(curves)
    assert means.shape == (len(curves), len(steps))
    assert (np.diff(steps) > 0).all()
    for curve, row in zip(curves, means, strict=True):
        for a, b, mean in zip(first, last, row, strict=True):
            expected = np.mean(curve[a - 1 : b]) if b <= len(curve) else nan  # it ended in this stretch, or before
            np.testing.assert_allclose(mean, expected)


@given(st.integers(1, 9))
def test_few_steps_are_left_alone(length):
    steps, means = log_bins([list(range(length)), [1.0] * length])
    np.testing.assert_allclose(steps, np.arange(1, length + 1))
    np.testing.assert_allclose(means, [list(range(length)), [1.0] * length])


@pytest.mark.parametrize("bad", [nan, inf])
def test_a_run_that_diverged(bad):
    steps, means = log_bins([[3.0, 2.0, bad], [3.0, 2.0, 1.0, 1.0, 1.0]])
    assert len(steps) == 5
    np.testing.assert_equal(means, [[3, 2, bad, nan, nan], [3, 2, 1, 1, 1]])


@pytest.mark.parametrize("curve", [[nan], [nan, nan], [1.0, nan]])
def test_all_runs_diverged(curve):
    steps, means = log_bins([curve, curve])
    assert len(steps) == len(curve)
    np.testing.assert_equal(means, [curve, curve])


# ---- the figure


def example(seeds=3, steps=200, arms=4):
    rng = np.random.default_rng(0)
    losses = {f"{name} (lr 0.003)": [(2.3 * 0.98 ** np.arange(steps) * rng.uniform(0.9, 1.1, steps)).tolist()
                                     for _ in range(seeds)] for name in TITLES[:arms]}  # fmt: skip
    return losses, {name: rng.uniform(0.9, 1.0, seeds).tolist() for name in TITLES[:arms]}


def frame_and_texts(figure):
    """The boxes, in pixels, of the axes and of everything written."""
    canvas = agg.FigureCanvasAgg(figure)
    canvas.draw()
    texts = [figure._suptitle, *figure.legends[0].get_texts()]
    for axes in figure.axes:
        texts += [axes.title, axes.xaxis.label, axes.yaxis.label]
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            ticks = axis.get_major_ticks() + axis.get_minor_ticks()
            texts += [tick.label1 for tick in ticks if low <= tick.get_loc() <= high]
    boxes = {text.get_text(): text.get_window_extent(canvas.get_renderer()) for text in texts if text.get_text()}
    return figure.bbox, [axes.bbox for axes in figure.axes], boxes


@pytest.mark.parametrize("arms", [1, 2, 4])
@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_what_is_in_the_figure(arms, seeds):
    losses, accuracies = example(seeds, arms=arms)
    figure = compare_figure("a title", losses, accuracies)
    left, right = figure.axes
    assert figure._suptitle.get_text() == "a title"
    assert [line.get_label() for line in left.lines] == list(losses)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(losses)
    assert len(left.collections) == arms  # a band each
    assert (left.get_xscale(), left.get_yscale()) == ("log", "log")
    assert (left.get_xlabel(), left.get_ylabel()) == ("step", "training loss (batch)")
    assert right.get_ylabel() == "test accuracy (%)"
    assert [text.get_text().replace("\n", " ") for text in right.get_xticklabels()] == list(accuracies)

    for line, curves in zip(left.lines, losses.values(), strict=True):
        steps, means = log_bins(curves)
        np.testing.assert_allclose(line.get_xdata(), steps)
        np.testing.assert_allclose(line.get_ydata(), np.median(means, axis=0))
    for band, curves in zip(left.collections, losses.values(), strict=True):
        heights = band.get_paths()[0].vertices[:, 1]
        _, means = log_bins(curves)
        assert heights.min() == pytest.approx(means.min())
        assert heights.max() == pytest.approx(means.max())
    for place, values in enumerate(accuracies.values()):
        dots, mean = right.lines[2 * place : 2 * place + 2]
        np.testing.assert_allclose(dots.get_ydata(), 100 * np.array(values))
        np.testing.assert_allclose(mean.get_ydata(), [100 * np.mean(values)] * 2)
        assert (abs(dots.get_xdata() - place) < 0.3).all()


def test_each_optimizer_looks_the_same_on_both_sides_and_unlike_the_others():
    left, right = compare_figure("", *example()).axes
    colours = [line.get_color() for line in left.lines]
    assert len(set(colours)) == 4
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in left.lines}) == 4
    assert [line.get_color() for line in right.lines] == [colour for colour in colours for _ in range(2)]


def test_seeds_with_equal_accuracy_are_all_seen():
    losses, _ = example(seeds=4, arms=1)
    _, right = compare_figure("", losses, {"Adam": [0.97] * 4}).axes
    assert len(set(right.lines[0].get_xdata())) == 4


def test_it_saves_itself(tmp_path):
    path = tmp_path / "figure.png"
    compare_figure("a title", *example()).savefig(path)
    assert path.read_bytes().startswith(b"\x89PNG")


ENDS = {
    "short": [2.3, 1e30, nan],
    "at once": [nan],
    "without end": [2.3] + [1e30] * 199,
    "to infinity": [2.3, inf],
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_diverged_runs_leave_through_the_top(end, count):
    losses, accuracies = example(seeds=3)
    name = next(iter(losses))
    losses[name][:count] = [ENDS[end]] * count
    left, _ = compare_figure("", losses, accuracies).axes
    bottom, top = left.get_ylim()
    ceiling = CEILING * max(curve[0] for curves in losses.values() for curve in curves if curve[0] < inf)
    assert top == pytest.approx(ceiling)
    assert bottom > 1e-4  # the others are seen as well as ever
    for line in left.lines:
        assert np.isfinite(line.get_ydata()).all()
        assert (line.get_ydata() <= top * 1.001).all()
    last = left.lines[0].get_ydata()[-1]
    if count >= 2:  # of three
        assert last == pytest.approx(top)  # most are lost, so the median is
    else:
        assert last < 2.3
        assert left.collections[0].get_paths()[0].vertices[:, 1].max() == pytest.approx(top)


def test_everything_diverged():
    losses, accuracies = example()
    figure = compare_figure("", {name: [[nan], [nan]] for name in losses}, accuracies)
    figure.savefig(BytesIO())
    assert len(figure.axes[0].lines) == 4


@pytest.mark.parametrize("top", [1.0, 1e-300])
def test_a_loss_of_zero(top):
    """It has no place on a logarithmic axis, and does no harm."""
    compare_figure("", {"Adam": [[top, 0.0, 0.0], [top, top, 0.0]]}, {"Adam": [1.0, 1.0]}).savefig(BytesIO())


def long_names():
    losses, accuracies = example(seeds=5, steps=700)
    return {name.replace("0.003", "1.5e-06"): curves for name, curves in losses.items()}, accuracies


def one_epoch():
    return example(seeds=1, steps=23)


def one_arm_diverged():
    losses, accuracies = example()
    losses[next(iter(losses))] = [ENDS["short"]] * 3
    return losses, accuracies


@pytest.mark.parametrize("case", [example, long_names, one_epoch, one_arm_diverged])
def test_no_words_overlap(case):
    page, frames, boxes = frame_and_texts(compare_figure("digits: MLP 64-128-10, batch 64, 30 epochs", *case()))
    assert len(boxes) > 15
    for (one, box), (other, next_box) in combinations(boxes.items(), 2):
        assert not box.overlaps(next_box), f"{one!r} over {other!r}"
    for text, box in boxes.items():
        assert page.x0 <= box.x0
        assert box.x1 <= page.x1, text
        assert page.y0 <= box.y0
        assert box.y1 <= page.y1, text
        assert not any(box.overlaps(frame) for frame in frames), f"{text!r} in the picture"


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"minirad\[lab\]"):
        new_figure(3, 2)


# ---- trace_figure


def traced(build, steps=6):
    [p] = plains((2,))
    optimizer = build([("p", p)])
    with optim.trace(optimizer, {"p": [1, 0]}) as recorded:
        for _ in range(steps):
            p.grad = p.data.copy()
            optimizer.step()
    return recorded.rows


def test_a_trace_drawn():
    traces = {
        "radam": traced(lambda p: optim.RAdam(p, lr=0.1)),
        "official": traced(lambda p: optim.RAdamDialect(p, "official", lr=0.1)),
        "sgd": traced(lambda p: optim.SGD(p, lr=0.1)),  # has no step size
    }
    theta, update, size, moments = trace_figure("three rules", traces).axes
    assert [line.get_label() for line in theta.lines] == list(traces)
    assert [line.get_label() for line in update.lines] == list(traces)
    assert [line.get_label() for line in size.lines] == ["radam", "official"]
    assert [line.get_label() for line in moments.lines] == ["g", "m_hat", "sqrt(v_hat)"]
    own = traces["radam"][traces["radam"]["index"] == "1"]  # the first coordinate that was chosen
    assert theta.lines[0].get_ydata().tolist() == own["theta"].tolist()
    assert update.lines[0].get_ydata().tolist() == abs(own["update"]).tolist()
    assert moments.lines[2].get_ydata() == pytest.approx(np.sqrt(own["v_hat"]))
    skipped = update.lines[1].get_ydata()
    assert np.isnan(skipped[:5]).all()  # a logarithmic axis has no place for 0
    assert skipped[5] > 0
    assert theta.get_title() == "p[1]: theta after step t"


def test_a_trace_of_sgd_drawn():
    figure = trace_figure("SGD", {"sgd": traced(lambda p: optim.SGD(p, lr=0.1, momentum=0.9))})
    assert [line.get_label() for line in figure.axes[3].lines] == ["g", "m"]
    agg.FigureCanvasAgg(figure).draw()


# ---- runs_figure


def example_panels(groups=3, seeds=4):
    rng = np.random.default_rng(0)
    labels = [f"radam, lr {10.0**-i:g}" for i in range(groups)]
    return labels, [
        Panel("loss", "step", {name: rng.exponential(size=(seeds, 300)) for name in labels}),
        Panel("test_accuracy", "epoch", {name: rng.random((seeds, 9)) for name in labels}),
        Panel("r", "step", {labels[-1]: np.array([[nan] * 4 + [0.1 * i for i in range(5, 9)]] * seeds)}),
    ]


def test_runs_drawn():
    labels, panels = example_panels()
    figure = runs_figure("a title", labels, panels)
    loss, accuracy, r = figure.axes
    assert figure._suptitle.get_text().splitlines()[0] == "a title"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == labels
    assert (loss.get_xscale(), loss.get_yscale(), loss.get_xlabel(), loss.get_ylabel()) == (
        "log",
        "log",
        "step",
        "loss",
    )
    assert (accuracy.get_xscale(), accuracy.get_yscale(), accuracy.get_xlabel()) == ("linear", "linear", "epoch")
    assert accuracy.get_ylabel() == "test_accuracy (%)"
    assert (r.get_xscale(), r.get_yscale()) == ("log", "linear")
    for line, band, group in zip(loss.lines, loss.collections, panels[0].groups.values(), strict=True):
        steps, means = log_bins(group)
        np.testing.assert_allclose(line.get_xdata(), steps)
        np.testing.assert_allclose(line.get_ydata(), np.median(means, axis=0))
        heights = band.get_paths()[0].vertices[:, 1]
        assert (heights.min(), heights.max()) == pytest.approx((means.min(), means.max()))
    for line, group in zip(accuracy.lines, panels[1].groups.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), range(1, 10))
        np.testing.assert_allclose(line.get_ydata(), 100 * np.median(group, axis=0))
    assert r.lines[0].get_xdata()[0] == 5  # before, r is not defined
    assert r.lines[0].get_color() == loss.lines[2].get_color() != loss.lines[0].get_color()
    agg.FigureCanvasAgg(figure).draw()


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 1)), (2, (1, 2)), (3, (1, 3)), (4, (2, 2)), (5, (2, 3))])
def test_where_the_pictures_stand(count, shape):
    labels, panels = example_panels()
    figure = runs_figure("", labels, (panels * 2)[:count])
    assert len(figure.axes) == count
    assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry() == shape


def test_a_run_that_was_over_early_and_one_that_diverged():
    group = np.array([[2.0, 1.0, nan, nan], [2.0, inf, inf, inf], [4.0, 3.0, 2.0, nan]])
    loss, accuracy = runs_figure(
        "", ["a"], [Panel("test_loss", "epoch", {"a": group}), Panel("accuracy", "epoch", {"a": np.full((1, 1), 0.5)})]
    ).axes
    ceiling = 4.0 * CEILING
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), [2, 3, (2 + ceiling) / 2, ceiling])
    assert loss.get_ylim()[1] == ceiling
    assert accuracy.lines[0].get_marker() == "."  # a single point has no line


@pytest.mark.parametrize("values", [[[nan, nan]], [[inf, inf]], [[0.0, 0.0]]])
def test_nothing_to_see(values):
    names = ("loss",) if values == [[inf, inf]] else ("loss", "r")
    panels = [Panel(y, x, {"a": np.array(values)}) for y in names for x in ("step", "epoch")]
    runs_figure("", ["a"], panels).savefig(BytesIO())


def test_a_curve_that_begins_later_on_has_its_own_ceiling():
    """A loss that is measured at step 3 first, say."""
    panel = Panel("loss", "step", {"a": np.array([[nan, nan, 900.0, 800.0]])})
    (line,) = runs_figure("", ["a"], [panel]).axes[0].lines
    assert line.get_ydata().tolist() == [900, 800]


def test_styles_of_optimizers():
    assert styles_of(["sgd", "adam", "adam-warmup", "radam"]) == list(STYLES[:4])
    assert styles_of(["radam"]) == [STYLES[3]]
    assert styles_of(["radam", "adam"]) == [STYLES[3], STYLES[1]]
    looks = styles_of(["lion", "radam", "adam", "radam", "tiger", "radam"])
    colours = [colour for colour, _ in looks]
    assert colours[1] == colours[3] == colours[5] == STYLES[3][0]
    assert colours[2] == STYLES[1][0]
    assert len(set(colours)) == 4
    assert len(set(map(str, looks))) == 6


@pytest.mark.parametrize(
    "optimizers", [["sgd", None], ["radam", "radam"], ["radam"] * 6 + ["sgd"], list("abcdef"), [None]]
)
def test_optimizers_that_say_too_little_for_colours(optimizers):
    assert styles_of(optimizers) is None


def test_the_styles_that_are_given():
    looks = [STYLES[3], STYLES[1]]
    labels, panels = example_panels(groups=2)
    for lines in (
        compare_figure("", *example(arms=2), looks).axes[0].lines,
        runs_figure("", labels, panels[:1], looks).axes[0].lines,
    ):
        assert [line.get_color() for line in lines] == [colour for colour, _ in looks]


def test_as_many_groups_as_colours_and_dashes_make_can_be_told_apart():
    labels, panels = example_panels(groups=len(STYLES) ** 2)
    lines = runs_figure("", labels, panels[:1]).axes[0].lines
    assert len({(line.get_color(), str(line._unscaled_dash_pattern)) for line in lines}) == 25


@pytest.mark.parametrize(("groups", "count"), [(1, 1), (6, 2), (25, 3)])
def test_no_words_of_runs_overlap(groups, count):
    labels, panels = example_panels(groups)
    page, frames, boxes = frame_and_texts(runs_figure("results/compare/digits", labels, panels[-count:]))
    for (one, box), (other, next_box) in combinations(boxes.items(), 2):
        assert not box.overlaps(next_box), f"{one!r} over {other!r}"
    for text, box in boxes.items():
        assert page.x0 <= box.x0, text
        assert box.x1 <= page.x1, text
        assert page.y0 <= box.y0, text
        assert box.y1 <= page.y1, text
        assert not any(box.overlaps(frame) for frame in frames), f"{text!r} in the picture"
