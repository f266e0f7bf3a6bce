"""Wrong answers to the exercises, as their misconceptions lead to them: what the hint must say.

For each exercise a list of (functions, words of the hint). A function that is not given is the reference.
"""

import hashlib
import json
import math
from collections import Counter
from itertools import pairwise
from statistics import NormalDist, median

import numpy as np
from scipy import stats

import minirad as mr
from minirad import functional as F
from minirad import variance
from minirad.optim import algorithm1


def adam_step_with_second_name(theta, g, m, v, t, lr, beta1, beta2, eps):
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * g**2
    m_hat = m
    m_hat /= 1 - beta1**t
    theta -= lr * m_hat / (np.sqrt(v / (1 - beta2**t)) + eps)


def adam_step_with_early_epsilon(theta, g, m, v, t, lr, beta1, beta2, eps):
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * g**2
    theta -= lr * m / (1 - beta1**t) * np.sqrt(1 - beta2**t) / (np.sqrt(v) + eps)


def adam_step_of_a_new_name(theta, g, m, v, t, lr, beta1, beta2, eps):
    theta = theta - lr * np.sign(g)


def textbook_rho(t, beta2):
    beta, one = np.float32(beta2), np.float32(1)
    rho_inf = np.float32(2) / (one - beta) - one
    power = beta ** np.float32(t)
    return rho_inf - np.float32(2 * t) * power / (one - power)


def radam_with(count=0, in_place=False, decay="decoupled", epsilon="before", threshold=4):
    def radam(theta, gradients, lr, beta1, beta2, eps, weight_decay):
        m, v, path = 0.0, 0.0, []
        for t, g in enumerate(gradients, 1 + count):
            if decay == "decoupled":
                theta *= 1 - lr * weight_decay
            else:
                g = g + weight_decay * theta
            v = beta2 * v + (1 - beta2) * g**2
            m = beta1 * m + (1 - beta1) * g
            m_hat = m / (1 - beta1**t)
            if in_place:
                m = m_hat
            if variance.sma_length(t, beta2) > threshold:
                r, c = variance.rectification(t, beta2), math.sqrt(1 - beta2**t)
                root = math.sqrt(v) + eps if epsilon == "before" else math.sqrt(v) + c * eps
                theta -= lr * r * m_hat * c / root
            else:
                theta -= lr * m_hat
            path.append(theta)
        return path

    return radam


def cache_by_t(cache, compute, t, group):
    if t not in cache:
        cache[t] = compute(t, group["lr"], *group["betas"])
    return cache[t]


def l2_step(optimizer, p, weight_decay):
    p.grad += weight_decay * p.data
    optimizer.step()


def l2_step_that_restores(optimizer, p, weight_decay):
    g = p.grad
    p.grad = g + weight_decay * p.data
    optimizer.step()
    p.grad = g


def full_decay_step(optimizer, p, weight_decay):
    p.data *= 1 - weight_decay
    optimizer.step()


CHOICES = (0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)


def softplus_without_g(x):
    e = np.exp(x.data)
    return mr.Tensor(np.log(1 + e), (x,), lambda g: (e / (1 + e),))


def unbroadcast_by_mean(g, shape):
    while g.ndim > len(shape):
        g = g.mean(axis=0)
    for axis, n in enumerate(shape):
        if n == 1:
            g = g.mean(axis=axis, keepdims=True)
    return g


def nearest_first(root):
    order = [root]
    for node in order:
        order += [parent for parent in dict.fromkeys(node.parents) if parent not in order]
    return order


def pieces(clear, weigh):
    def gradient_in_pieces(w, x, y, ends):
        w.grad, begin = None, 0
        for end in ends:
            if clear:
                w.grad = None
            loss = mr.mse_loss(x[begin:end] @ w, y[begin:end])
            (loss * weigh(end - begin, len(x), len(ends))).backward()
            begin = end

    return gradient_in_pieces


def the_loss_falls(f, x, gradient, generator):
    return f(x - 0.01 * gradient) < f(x)


def back(turn, exchange):
    def conv_input_gradient(g, w, padding):
        kh, kw = w.shape[2:]
        w = w[:, :, ::-1, ::-1] if turn else w
        return F.conv2d(g, w.swapaxes(0, 1) if exchange else w, padding=(kh - 1 - padding, kw - 1 - padding)).data

    return conv_input_gradient


def one_variance(x, running_mean, running_var, momentum=0.1, eps=1e-5):
    mean, var = x.mean(axis=0), x.var(axis=0)
    return (
        (x - mean) / np.sqrt(var + eps),
        (1 - momentum) * running_mean + momentum * mean,
        (1 - momentum) * running_var + momentum * var,
    )


def eval_alone(model, x):
    modes = [(module, module.training) for _, module in model.named_modules()]
    model.eval()
    y = model(x)
    for module, training in modes:
        module.training = training
    return y


def no_grad_alone(model, x):
    with mr.no_grad():
        return model(x)


def train_at_the_end(model, x):
    model.eval()
    with mr.no_grad():
        y = model(x)
    model.train()
    return y


def sum_then_relu(block, x):
    return F.relu(x + block.bn2(block.conv2(F.relu(block.bn1(block.conv1(x))))))


def add_in_place(ids, g, size):
    table = np.zeros((size, g.shape[-1]))
    table[ids] += g
    return table


def attention(mask_padding, multiply=False, own=True):
    def masked_attention(x, lengths):
        _, l, d = x.shape
        allowed = np.tri(l, dtype=bool)[None]
        if mask_padding:
            allowed = allowed & (np.arange(l) >= l - np.asarray(lengths)[:, None])[:, None, :]
        if own:
            allowed = allowed | np.eye(l, dtype=bool)
        scores = x @ x.swapaxes(1, 2) / math.sqrt(d)
        if not multiply:
            scores = np.where(allowed, scores, -np.inf)
        with np.errstate(invalid="ignore"):
            e = np.exp(scores - scores.max(axis=-1, keepdims=True))
            weights = e / e.sum(axis=-1, keepdims=True)
        return (weights * allowed if multiply else weights) @ x

    return masked_attention


def always_greedy(table, beam, rounds=8):
    words, p = [], 1.0
    for _ in range(20):
        last = words[-1] if words else 0
        word = int(table[last].argmax())
        p *= table[last, word]
        if word == 1:
            break
        words.append(word)
    return tuple(words), float(math.prod(table[i, j] for i, j in pairwise([0, *words, 1])))


def finished_stay(table, beam, rounds=8):
    open_ = [((), 1.0)]
    for _ in range(rounds):
        grown = [((*w, j), p * table[w[-1] if w else 0, j]) for w, p in open_ for j in range(1, len(table))]
        open_ = sorted(grown, key=lambda pair: -pair[1])[:beam]
    return open_[0]


def padding_counts(log_p, wanted, padding=0):
    return -np.take_along_axis(log_p, wanted[:, :, None], axis=2).mean()


def padding_shrinks(log_p, wanted, padding=0):
    taken = np.take_along_axis(log_p, wanted[:, :, None], axis=2)[:, :, 0]
    return -(taken * (wanted != padding)).mean()


def mean_r(of_all=True, nan_as_0=True, pass_on=True):
    def equal_mean_rate(lr, steps, beta2=0.999):
        r = [variance.rectification(t, beta2 if pass_on else 0.999) for t in range(1, steps + 1)]
        if nan_as_0:
            r = [x for x in r if not math.isnan(x)]
        return lr * sum(r) / (steps if of_all else len(r))

    return equal_mean_rate


def momentum_step_with(theta_first=False, new_array=False, new_name=False, into_g=False):
    def momentum_step(theta, g, m, scratch, lr, beta):
        if new_name:
            m = beta * m + g
            theta = theta - lr * m
            return
        if theta_first:
            theta -= lr * m
        m *= beta
        m += g
        if into_g:
            np.multiply(m, lr, out=g)
            theta -= g
        elif new_array:
            theta -= lr * m
        elif not theta_first:
            np.multiply(m, lr, out=scratch)
            theta -= scratch

    return momentum_step


def in_blocks_with(full_only=False, copies=False):
    def in_blocks(rule, vectors, block):
        for i in range(0, len(vectors[0]) - (block - 1 if full_only else 0), block):
            pieces = [vector[i : i + block] for vector in vectors]
            rule(*(piece.copy() if copies else piece for piece in pieces))

    return in_blocks


def interval_with(paired="seed", factor=None, ddof=1):
    def interval_of_difference(a, b):
        x, y = np.array(list(a.values())), np.array([b[s] for s in a] if paired == "seed" else list(b.values()))
        n, d = len(x), x - y
        se = d.std(ddof=ddof) / math.sqrt(n) if paired else math.sqrt((x.var(ddof=1) + y.var(ddof=1)) / n)
        half = (factor or stats.t.ppf(0.975, n - 1)) * se
        return d.mean() - half, d.mean() + half

    return interval_of_difference


def two_answers(different=None, equivalent=None, level=0.95):
    def different_and_equivalent(d, margin):
        mean, se = abs(d.mean()), d.std(ddof=1) / math.sqrt(len(d))
        seen = bool(mean > stats.t.ppf(0.975, len(d) - 1) * se)
        same = bool(mean + stats.t.ppf(level, len(d) - 1) * se < margin)
        return different(mean, margin) if different else seen, equivalent(
            seen, same, mean, margin
        ) if equivalent else same

    return different_and_equivalent


def bare_steps(p_values):
    m, ranks = len(p_values), np.argsort(np.argsort(p_values))
    return [min(1.0, (m - rank) * p) for rank, p in zip(ranks, p_values, strict=True)]


def snapshot_with(copies=True, **others):
    def snapshot(run):
        saved = {name: getattr(run, name) for name in ("theta", "m", "v")}
        if copies:
            saved = {name: array.copy() for name, array in saved.items()}
        return {**saved, "t": run.t, "rng": run.rng.bit_generator.state, **{k: f(run) for k, f in others.items()}}

    return snapshot


def restore_with(names=("theta", "m", "v"), t=True, rng=True, new=False, shared=False):
    def restore(run, saved):
        for name in names:
            if new:
                setattr(run, name, saved[name].copy())
            else:
                getattr(run, name)[...] = saved[name]
        if t:
            run.t = saved["t"]
        if shared:
            run.rng = saved["generator"]
        elif rng:
            run.rng.bit_generator.state = saved["rng"]

    return restore


def in_turns(seconds, workers):
    return max(sum(seconds[i::workers]) for i in range(workers))


def name_by(text):
    return lambda settings: hashlib.sha256(text(settings).encode()).hexdigest()[:12]


def unigram_with(counted="train", end_counts=True, total=False):
    def unigram_loss(train, test, end):
        mark = (end,) if end_counts else ()
        words, unseen = ([w for sentence in part for w in (*sentence, *mark)] for part in (train, test))
        words = words if counted == "train" else unseen
        losses = [-math.log(words.count(w) / len(words)) for w in unseen]
        return sum(losses) if total else sum(losses) / len(losses)

    return unigram_loss


def entropy_of_training(train, test, end):
    words = [w for sentence in train for w in (*sentence, end)]
    return -sum(words.count(w) / len(words) * math.log(words.count(w) / len(words)) for w in set(words))


def r_of(steps, beta2, early=0.0):
    found = [variance.rectification(t, beta2) for t in range(1, steps + 1)]
    return [early if math.isnan(r) else r for r in found]


def first_with(reached):
    return int(np.argmax(reached)) + 1


def mean_reaches(early=0.0, skip=0, shift=0):
    def steps_until(share, beta2):
        r = r_of(8000, beta2, early)[skip:]
        means = np.cumsum(r) / np.arange(1, len(r) + 1)
        return first_with(means >= share) + skip + shift

    return steps_until


def comparisons_with(choose="validation", report="test", shared=False):
    def two_comparisons(validation, test, lr):
        tables = {"validation": validation, "test": test}
        best = {arm: min(own, key=own.get) for arm, own in tables[choose].items()}
        if shared:
            best["b"] = best["a"]
        found = tables[report]
        return test["a"][lr] - test["b"][lr], found["a"][best["a"]] - found["b"][best["b"]]

    return two_comparisons


def rms_with(corrected=True, power=0.5):
    def rms_update(t, beta1):
        squares = (1 - beta1) * (1 - beta1 ** (2 * t)) / (1 + beta1)
        return (squares / (1 - beta1**t) ** 2 if corrected else squares) ** power

    return rms_update


def power_iteration(signed=True, width=2, unit=True, in_place=False, rounds=200):
    def largest_curvature(gradient, theta, u):
        h = 1e-3
        for _ in range(rounds):
            u = u / np.linalg.norm(u)
            if in_place:
                theta += h * u
            hu = (gradient(theta + h * u) - gradient(theta - h * u)) / (width * h)
            found, u = (u @ hu if signed else np.linalg.norm(hu)), hu
        return float(found) if unit else float(np.linalg.norm(hu) ** 2)

    return largest_curvature


def gi_adam_with(start=True, m_corrected=True, v_correction=0.5, skip_first=False):
    def gi_adam_step(gradients, beta1, beta2):
        m, v = 0.0, gradients[0] ** 2 if start else 0.0
        for i, g in enumerate(gradients):
            m = beta1 * m + (1 - beta1) * g
            if i or not skip_first:
                v = beta2 * v + (1 - beta2) * g**2
        t = len(gradients)
        return m / (1 - beta1**t if m_corrected else 1) * (1 - beta2**t) ** v_correction / math.sqrt(v)

    return gi_adam_step


def on_images_with(paired=True, ddof=1, root=True):
    def difference_on_images(right_a, right_b):
        a, b, n = right_a.astype(float), right_b.astype(float), len(right_a)
        variance = (a - b).var(ddof=ddof) if paired else a.var(ddof=ddof) + b.var(ddof=ddof)
        return (a - b).mean(), math.sqrt(variance / n if root else variance)

    return difference_on_images


def share_with(weighted=True, divisor=None, nan=False):
    def share_of_rate(steps, beta2, factor):
        r, factors = (
            np.array(r_of(steps, beta2, math.nan if nan else 0.0)),
            np.array([factor(t) for t in range(1, steps + 1)]),
        )
        return r.mean() if not weighted else (r * factors).sum() / (divisor or (lambda f: f.sum()))(factors)

    return share_of_rate


def decay_with(lr=True, milestones=True, sign=-1, log=math.log):
    def decay_for(left, rate, steps):
        sums = 0.5275 * steps if milestones else steps
        return sign * log(left) / (sums * (rate if lr else 1))

    return decay_for


def caught_up_with(far="summed"):
    def catches_up(ratio, beta2):
        r = r_of(5000, beta2)
        large = next(t for t, x in enumerate(r, 1) if ratio * x >= 1)
        warm = next(t for t, x in enumerate(r, 1) if x >= 0.9)
        return large, {"large": large, "warm": warm}[far]

    return catches_up


def second_with(faded=True, corrected=True, late=False, once=False):
    def second_move(k, n, beta1, beta2):
        t = n + 1 if late else k + n
        m, v = (1 - beta1) * (1 + beta1**n * (not once)), (1 - beta2) * (1 + beta2**n * (not once))
        if not faded:
            m, v = 2 * (1 - beta1), 2 * (1 - beta2)
        return m / math.sqrt(v) * (math.sqrt(1 - beta2**t) / (1 - beta1**t) if corrected else 1)

    return second_move


def bleu_with(clipped=True, brevity="capped", per_sentence=False, arithmetic=False, scale=100):
    def bleu_of(hypotheses, references):
        if per_sentence:
            whole = bleu_with()
            return np.mean([whole([h], [r]) for h, r in zip(hypotheses, references, strict=True)])
        precisions = []
        for n in range(1, 5):
            grams = [
                [Counter(zip(*(words[i:] for i in range(n)), strict=False)) for words in sentences]
                for sentences in (hypotheses, references)
            ]
            right = 0
            for h, r in zip(*grams, strict=True):
                right += sum(min(k, r[gram]) if clipped else k * (gram in r) for gram, k in h.items())
            precisions.append(right / sum(h.total() for h in grams[0]))
        c, r = (sum(map(len, sentences)) for sentences in (hypotheses, references))
        penalty = {"capped": min(1.0, math.exp(1 - r / c)), "open": math.exp(1 - r / c), "none": 1.0}[brevity]
        mean = np.mean(precisions) if arithmetic else np.exp(np.mean(np.log(precisions)))
        return scale * penalty * mean

    return bleu_of


def seeds_until(enough):
    return next(n for n in range(2, 2000) if enough(n))


def within_with(settings_lost="all", mean_of_spreads=False, root=True):
    def within(values, settings):
        groups = [np.array([v for v, s in zip(values, settings, strict=True) if s == name]) for name in set(settings)]
        if mean_of_spreads:
            return np.mean([own.std(ddof=1) for own in groups if len(own) > 1])
        lost = {"all": len(groups), "one": 1, "none": 0}[settings_lost]
        found = sum(((own - own.mean()) ** 2).sum() for own in groups) / (len(values) - lost)
        return math.sqrt(found) if root else found

    return within


def decades_with(at=np.log10, first=True, exact=True, unit=1):
    def decades(rates, accuracies):
        level, y = max(accuracies) - 0.01, accuracies
        best = y.index(max(y))
        if not exact:
            inside = [lr for lr, a in zip(rates, y, strict=True) if a >= level]
            return math.log10(inside[-1] / inside[0])
        fine = [np.linspace(at(a), at(b), 2001) for a, b in pairwise(rates)]
        lines = [np.linspace(a, b, 2001) for a, b in pairwise(y)]
        if first:
            right, left = (
                crossing(fine[best:], lines[best:], level),
                crossing([x[::-1] for x in fine[:best][::-1]], [x[::-1] for x in lines[:best][::-1]], level),
            )
            ends = [at(rates[best]) if end is None else end for end in (left, right)]
            return unit * (ends[1] - ends[0] if at is np.log10 else math.log10(ends[1] / ends[0]))
        return sum((x[-1] - x[0]) * share_above(line, level) for x, line in zip(fine, lines, strict=True))

    return decades


def crossing(fine, lines, level):
    end = None
    for x, y in zip(fine, lines, strict=True):
        if y[-1] < level:
            return x[0] + (x[-1] - x[0]) * (y[0] - level) / (y[0] - y[-1])
        end = x[-1]
    return end


def share_above(line, level):
    high, low = max(line[0], line[-1]), min(line[0], line[-1])
    return 1.0 if low >= level else 0.0 if high < level else (high - level) / (high - low)


def shifts_with(log=math.log10, sign=-1, left="mean", late=0):
    def shifts(steps, beta2, early):
        r = r_of(steps, beta2)
        of_left = {"mean": np.mean(r), "last": r[-1], "known": sum(r) / (steps - 4), "nan": math.nan}[left]
        right = of_left if late is None else r[early - 1 + late]
        return sign * log(of_left), sign * log(right)

    return shifts


def ahead_with(by="choosing", over="rest", each=False):
    def ahead_of_the_worst(rival, warmups, choosing):
        sets = {"choosing": choosing, "rest": set(rival) - choosing, "all": set(rival)}
        if each:
            return np.mean([rival[seed] - min(own[seed] for own in warmups) for seed in sets[over]])
        worst = min(warmups, key=lambda own: np.mean([own[seed] for seed in sets[by]]))
        return np.mean([rival[seed] - worst[seed] for seed in sets[over]])

    return ahead_of_the_worst


def four_with(sign=-1, early="m_hat", adam="m_hat", absolute=False):
    def after_four(gradients, lr):
        m = v = a = b = 0.0
        for t, g in enumerate(gradients, 1):
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            m_hat = m / (1 - 0.9**t)
            step = np.sign(g) if adam == "sign" else m_hat / math.sqrt(v / (1 - 0.999**t))
            a += sign * lr * step
            b += sign * lr * {"m_hat": m_hat, "g": g, "m": m, "adam": step, "skip": 0.0}[early]
        return (abs(a), abs(b)) if absolute else (a, b)

    return after_four


WRONG = {
    "0.1": [
        ([lambda counts: -sum(c / sum(counts) * math.log2(c / sum(counts)) for c in counts if c)], "this is in bits"),
        ([lambda counts: -np.mean([math.log(c / sum(counts)) for c in counts if c])], "weighted by its share"),
    ],
    "0.2": [
        ([lambda lr, steps, beta2=0.999: lr], "this is lr itself"),
        ([mean_r(nan_as_0=False)], "nan in a sum"),
        ([mean_r(of_all=False)], "divide by all steps"),
        ([mean_r(pass_on=False)], "pass beta2 on"),
    ],
    "0.3": [
        ([lambda n: 1.0], "do not prove 'always'"),
        ([lambda n: 0.025 / n], "they do not add up"),
    ],
    "1.1": [
        ([lambda curvatures, gamma: 2 * (1 + gamma) / np.mean(curvatures)], "one direction that explodes is enough"),
        ([lambda curvatures, gamma: 2 * (1 - gamma) / max(curvatures)], "momentum raises the limit"),
        ([lambda curvatures, gamma: 3 * (1 + gamma) / max(curvatures)], "lr = 0.98"),
    ],
    "1.2": [
        ([lambda lr, beta: {"lr": lr, "momentum": beta, "dampening": 0}], "adds g_t whole"),
        ([lambda lr, beta: {"lr": lr, "momentum": beta, "dampening": beta}], "dampening spares the first gradient"),
    ],
    "1.3": [
        ([lambda m, t, beta, c: m / (1 - beta**t)], "the start c is still in it"),
        ([lambda m, t, beta, c: (m - c) / (1 - beta**t)], "not its full weight"),
    ],
    "1.4": [
        ([adam_step_with_second_name], "A second name for an array is no copy"),
        ([adam_step_with_early_epsilon], "epsilon stands before the bias correction"),
        ([adam_step_of_a_new_name], "makes a new name"),
    ],
    "1.5": [
        ([lambda eps, t, beta2: eps], "beside a root that is still too small"),
        ([lambda eps, t, beta2: eps * (1 - beta2**t)], "And its root"),
        ([lambda eps, t, beta2: eps / (1 - beta2**t) ** 0.5], "the wrong way round"),
    ],
    "1.6": [([lambda gamma: algorithm1.heavy_ball(gamma)], "this is the heavy ball")],
    "2.1": [
        ([lambda rho: 1], "the root of a mean is the mean of the roots"),
        ([lambda rho: math.sqrt(rho / (rho - 2)) if rho > 2 else math.inf], "root of the mean of psi"),
    ],
    "2.2": [
        ([lambda mean, var, p: var**p], "a larger spread of X must give"),
        ([lambda mean, var, p: abs(p * mean ** (p - 1)) * var], "the spread grows with the slope"),
    ],
    "2.3": [
        ([lambda rho, tau2=1.0: 2 * rho / (rho - 2) ** 3], "a third power"),
        ([lambda rho, tau2=1.0: 2 * rho**2 * tau2 / (rho - 2) ** 2 / (rho - 4)], "its variance is not"),
        (
            [lambda rho, tau2=1.0: 2 * rho**2 * tau2**2 / (rho - 2) ** 2 / (rho - 4) if rho != 4 else math.nan],
            "rho = 3",
        ),
    ],
    "2.4": [
        ([len], "what has no weight does not count"),
        (
            [
                lambda w: (
                    2 * (np.arange(len(w)) @ np.asarray(w)[::-1]) / np.sum(w) + 1
                    if len(w) > 9
                    else sum(w) ** 2 / sum(x**2 for x in w)
                )
            ],
            "centre of mass",
        ),
        ([lambda w: 1 / sum(x**2 for x in w)], "four equal weights"),
    ],
    "2.5": [
        ([lambda n: 1 / NormalDist().inv_cdf(0.75) ** 2], "a larger sample does not settle"),
        ([lambda n: math.inf], "each report is a number"),
    ],
    "2.6": [
        ([textbook_rho], "were subtracted, and their digits are gone"),
        ([variance.sma_length], "is no float32"),
    ],
    "3.1": [
        ([radam_with(count=1)], "you count a step twice"),
        ([radam_with(in_place=True)], "m itself was corrected"),
        ([radam_with(decay="l2")], "decay in the gradient"),
        ([radam_with(epsilon="after")], "beside the plain v"),
        ([radam_with(threshold=4.99999)], "you wait for rho >= 5"),
    ],
    "3.2": [
        ([lambda: (1.0, [1.0] * 12, 1e-8, 0.0)], "Without weight decay nobody can tell"),
        ([lambda: (1.0, [0.0] * 4 + [0.1 * k for k in range(1, 9)], 1e-8, 0.5)], "beside gradients of its own size"),
    ],
    "3.3": [
        ([lambda t, c, lr, beta2: lr], "this step has no v in it"),
        ([lambda t, c, lr, beta2: lr / c], "which has grown with c"),
    ],
    "3.4": [
        ([cache_by_t], "the numbers of another group"),
        ([lambda cache, compute, t, group: compute(t, group["lr"], *group["betas"])], "80 are enough"),
    ],
    "3.5": [
        ([l2_step], "goes into m and v"),
        ([l2_step_that_restores], "this is L2 decay, in the gradient"),
        ([full_decay_step], "by lr \\* weight_decay, not by weight_decay"),
    ],
    "3.6": [
        ([lambda steps, choices=CHOICES: 0.999], "in only 0% of them"),
        (
            [lambda steps, choices=CHOICES: max(b for b in choices if 2 / (1 - b) <= steps / 2 + 1e-6)],
            "after 2/\\(1 - beta2\\) steps it is still below",
        ),
        ([lambda steps, choices=CHOICES: 0.9], "would do as well"),
    ],
    "4.1": [([softplus_without_g], "the vjp ignores g")],
    "4.2": [
        ([unbroadcast_by_mean], "this is a mean"),
        ([lambda g, shape: g.flat[: math.prod(shape)].reshape(shape)], "cut to size"),
    ],
    "4.3": [([nearest_first], "came before one of its users")],
    "4.4": [
        ([pieces(True, lambda length, total, count: length / total)], "only the last piece is left"),
        ([pieces(False, lambda length, total, count: 1)], "a sum of means is no mean"),
        ([pieces(False, lambda length, total, count: 1 / count)], "weigh the same"),
    ],
    "4.5": [
        ([lambda u: (u, u)], "hardly any digits left"),
        ([lambda u: ((3 * u) ** (1 / 3), 1e-8)], "far from the measured one"),
    ],
    "4.6": [([the_loss_falls], "that is no evidence")],
    "5.1": [
        (
            [lambda h, k, stride=1, padding=0, dilation=1: (h + padding - dilation * (k - 1) - 1) // stride + 1, None],
            "both sides",
        ),
        ([lambda h, k, stride=1, padding=0, dilation=1: (h + 2 * padding - k) // stride + 1, None], "reaches further"),
        (
            [lambda h, k, stride=1, padding=0, dilation=1: (h + 2 * padding - dilation * (k - 1)) // stride, None],
            "one more",
        ),
        ([None, lambda kernel, dilation=1: (kernel - 1) // 2], "20 rows become"),
    ],
    "5.2": [
        ([back(turn=False, exchange=True)], "the kernel must be turned"),
        ([back(turn=True, exchange=False)], "exchange the kernel's channels"),
    ],
    "5.3": [([one_variance], "divides by n - 1, not by n")],
    "5.4": [
        ([eval_alone], "eval\\(\\) alone does not stop"),
        ([no_grad_alone], "no_grad\\(\\) alone does not switch"),
        ([train_at_the_end], "wakes those that were frozen"),
    ],
    "5.5": [
        ([lambda shape: (shape[1], shape[0]), None], "over the whole window"),
        ([None, lambda shape, keep: math.sqrt(2 / math.prod(shape[1:]))], "Which of the fans"),
        ([None, lambda shape, keep: math.sqrt(1 / math.prod(shape[1:]))], "lost in the ReLU"),
    ],
    "5.6": [([sum_then_relu, sum_then_relu], "both are the same function")],
    "6.1": [([add_in_place], "\\+= writes once")],
    "6.2": [
        ([lambda k: 0.5 ** (1 / k)], "this is f itself"),
        ([lambda k: 0.0], "half is left after a single step"),
    ],
    "6.3": [
        ([lambda each, lengths: np.mean(each)], "this averages perplexities"),
        ([lambda each, lengths: np.average(each, weights=lengths)], "weighted, but of perplexities"),
        ([lambda each, lengths: math.exp(np.mean(np.log(each)))], "a long piece counts for more"),
    ],
    "6.4": [
        ([attention(mask_padding=False)], "the causal mask lets them look back"),
        ([attention(mask_padding=True, multiply=True)], "no longer sum to 1"),
        ([attention(mask_padding=True, own=False)], "a softmax over no place at all"),
    ],
    "6.5": [
        ([always_greedy], "Does it keep several beginnings"),
        ([finished_stay], "a finished beginning must leave the beam"),
    ],
    "6.6": [
        ([lambda target: (target[:, :-1], target[:, :-1]), None], "it would learn to copy"),
        ([None, padding_counts], "as if it were a word"),
        ([None, padding_shrinks], "its places are counted"),
    ],
    "14.1": [
        ([lambda n, reads, writes, dtype, bandwidth: n * (reads + writes) / bandwidth], "has four bytes"),
        ([lambda n, reads, writes, dtype, bandwidth: n * reads * np.dtype(dtype).itemsize / bandwidth], "is written"),
        ([lambda n, reads, writes, dtype, bandwidth: 4 * n * (reads + writes) / bandwidth], "a float64 has eight"),
    ],
    "14.2": [
        ([momentum_step_with(new_array=True)], "A product is a new array"),
        ([momentum_step_with(new_name=True)], "theta has not moved"),
        ([momentum_step_with(theta_first=True)], "by the old m"),
        ([momentum_step_with(into_g=True)], "g has changed"),
    ],
    "14.3": [
        ([in_blocks_with(full_only=True)], "a last piece that is shorter"),
        ([in_blocks_with(copies=True)], "The rule got copies"),
        ([lambda rule, vectors, block: rule(*vectors)], "one piece has"),
    ],
    "14.4": [
        ([lambda a, b: median(y / x for x, y in zip(a, b, strict=True))], "not a half"),
        ([lambda a, b: np.mean(a) / np.mean(b)], "a mean does"),
        ([lambda a, b: np.mean(np.divide(a, b))], "a mean does"),
        ([lambda a, b: median(a) / median(b)], "compare within a round"),
        ([lambda a, b: min(a) / min(b)], "compare within a round"),
    ],
    "14.5": [
        ([lambda a_1, b_1, a_2, b_2: (a_2 - a_1) / (b_2 - b_1)], "a negative n"),
        ([lambda a_1, b_1, a_2, b_2: a_2 / (b_1 - b_2)], "has an overhead as well"),
        ([lambda a_1, b_1, a_2, b_2: (a_2 - a_1) / (b_1 - b_2) if b_1 != b_2 else math.inf], "it is never faster"),
    ],
    "7.1": [
        ([interval_with(paired=None)], "Take the difference of each seed"),
        ([interval_with(paired="place")], "by their place, not by their seed"),
        ([interval_with(factor=1.96)], "right for many seeds"),
        ([interval_with(ddof=0)], "divides by n - 1"),
    ],
    "7.2": [
        ([lambda p: math.ceil(1 / p)], "no failure is seen in"),
        ([lambda p: math.ceil(math.log(0.05) / math.log(1 - p))], "two sides"),
        ([lambda p: 1000], "fewer would do"),
    ],
    "7.3": [
        ([lambda k, l, m=1: 0.5], "more tickets"),
        ([lambda k, l, m=1: k / (k + l)], "this is for one baseline"),
        ([lambda k, l, m=1: (k / (k + l)) ** m], "Count all trials at once"),
    ],
    "7.4": [
        ([two_answers(equivalent=lambda seen, same, mean, margin: not seen)], "not seen to differ"),
        ([two_answers(equivalent=lambda seen, same, mean, margin: mean < margin)], "tells how sure"),
        ([two_answers(level=0.975)], "not that of 95 %"),
        ([two_answers(equivalent=lambda seen, same, mean, margin: same and not seen)], "smaller than what matters"),
        ([two_answers(different=lambda mean, margin: mean > margin)], "has nothing to do with the margin"),
    ],
    "7.5": [
        ([list], "nothing is corrected"),
        ([lambda p_values: [min(1.0, len(p_values) * p) for p in p_values]], "this is Bonferroni"),
        ([bare_steps], "has become smaller than one before it"),
    ],
    "7.6": [
        ([lambda effect, sd: 5], "five is a habit"),
        ([lambda effect, sd: max(2, math.ceil((1.96 * sd / effect) ** 2))], "half of the experiments"),
        ([lambda effect, sd: max(2, math.ceil((2.8 * sd / effect) ** 2))], "too hopeful"),
    ],
    "8.1": [
        ([lambda train, test, end: math.log(len({w for s in train for w in (*s, end)}))], "knows nothing at all"),
        ([entropy_of_training], "own entropy"),
        ([unigram_with(counted="test")], "has not seen those"),
        ([unigram_with(end_counts=False)], "mark of the end"),
        ([unigram_with(total=True)], "this is a sum"),
    ],
    "8.2": [
        ([lambda share, beta2: first_with(np.array(r_of(8000, beta2)) >= share)], "r_t itself gets so far"),
        ([lambda share, beta2: round(4.5 * share**2 / (1 - beta2))], "holds for T far below"),
        ([mean_reaches(early=1.0)], "counts as 0, not as 1"),
        ([mean_reaches(skip=4)], "are of the run too"),
        ([mean_reaches(shift=-1)], "still below"),
        ([mean_reaches(shift=1)], "one too many"),
        ([lambda share, beta2: 10_000], "wanted"),
    ],
    "8.3": [
        ([lambda t, frozen, beta1: 1.0], "stands still"),
        ([lambda t, frozen, beta1: float(t > frozen)], "How many gradients are in m"),
        ([lambda t, frozen, beta1: (1 - beta1**t) * (t > frozen)], "steps old"),
        ([lambda t, frozen, beta1: (1 - beta1**t) / (1 - beta1 ** (t - frozen)) if t > frozen else 0.0], "is larger"),
        ([lambda t, frozen, beta1: (1 - beta1 ** (t - frozen + 1)) / (1 - beta1**t) * (t > frozen)], "one too many"),
        ([lambda t, frozen, beta1: 1 - beta1 ** max(0, t - frozen)], "nearly 1 for a long freeze"),
    ],
    "8.4": [
        ([lambda g, t, beta2, eps: math.copysign(1, g)], "without epsilon"),
        ([lambda g, t, beta2, eps: g / (abs(g) + eps)], "beside sqrt\\(v_hat\\)"),
        ([lambda g, t, beta2, eps: (1 - beta2**t) ** 0.5 * g / (abs(g) + eps)], "v is not g\\^2 yet"),
        ([lambda g, t, beta2, eps: 1 / (1 + eps / max(1e-300, (1 - beta2**t) ** 0.5 * abs(g)))], "the sign"),
        ([lambda g, t, beta2, eps: (1 - beta2**t) ** 0.5 * g / ((1 - beta2**t) * g**2 + eps) ** 0.5], "not inside it"),
    ],
    "8.5": [
        ([comparisons_with(choose="test")], "chosen by the test loss"),
        ([comparisons_with(report="validation")], "too good to report"),
        ([comparisons_with(shared=True)], "b has a's best rate"),
        ([lambda v, t, lr: (v["a"][lr] - v["b"][lr], 0.0)], "what is reported at lr"),
        ([lambda v, t, lr: tuple(-x for x in comparisons_with()(v, t, lr))], "a minus b"),
    ],
    "13.1": [
        ([lambda t, beta1: math.inf], "The update is not"),
        ([rms_with(power=1)], "Its root is asked for"),
        ([rms_with(corrected=False)], "The rule divides it"),
        ([rms_with(corrected=False, power=1)], "mean square of m"),
        ([lambda t, beta1: math.sqrt((1 - beta1) / (1 + beta1))], "where it ends"),
        ([lambda t, beta1: 1.0], "that is the first step"),
        ([lambda t, beta1: 1 / math.sqrt(t)], "forgets old ones"),
    ],
    "13.2": [
        ([lambda beta2: sum(1 - r for r in r_of(round(50 / (1 - beta2)), beta2))], "holds back how many"),
        ([lambda beta2: 2 / (1 - beta2)], "rule of thumb"),
        ([lambda beta2: 1 + 2 * sum(1 - r for r in r_of(round(50 / (1 - beta2)), beta2, early=1.0))], "all of each"),
        ([lambda beta2: 1 + 2 * sum(1 - r for r in r_of(round(2 / (1 - beta2)), beta2))], "to many digits"),
        ([lambda beta2: sum(1 - r for r in r_of(500, beta2, early=math.nan))], "got nan"),
    ],
    "13.3": [
        ([power_iteration(signed=False)], "the sign is lost"),
        ([power_iteration(width=1)], "off by a factor of 2"),
        ([power_iteration(in_place=True)], "theta has changed"),
        ([power_iteration(rounds=2)], "enough rounds"),
        ([lambda gradient, theta, u: 5.0], "never asked for"),
        ([lambda gradient, theta, u: gradient(theta)], "return one number"),
    ],
    "13.4": [
        ([gi_adam_with(start=False)], "whose v starts at 0"),
        ([gi_adam_with(v_correction=0)], "makes it a warmup"),
        ([gi_adam_with(m_corrected=False)], "its own correction"),
        ([gi_adam_with(v_correction=1)], "under the root"),
    ],
    "13.5": [
        ([lambda n, norm_first: 0.5**n if norm_first else 1 / (1 + n)], "in the other place"),
        ([lambda n, norm_first: math.sqrt(1 / (1 + n) if norm_first else 0.5**n)], "Its square|is its square"),
        ([lambda n, norm_first: 1.0], "other things are added"),
        ([lambda n, norm_first: 1 / max(n, 1) if norm_first else 0.5**n], "one of the parts"),
    ],
    "15.1": [
        ([name_by(lambda settings: json.dumps(settings, separators=(",", ":")))], "in another order"),
        ([name_by(lambda settings: json.dumps(settings, sort_keys=True))], "see its separators"),
        ([name_by(lambda settings: str(sorted(settings.items())))], "Is it of the text"),
        ([lambda settings: f"{abs(hash(tuple(sorted(settings.items())))):016x}"[:12]], "Is it of the text"),
        ([lambda settings: hash(str(settings))], "must be hexadecimal digits"),
        ([lambda settings: hashlib.sha256(b"run").hexdigest()], "must have 12 digits"),
        ([lambda settings: hashlib.sha256(b"run").hexdigest()[:12]], "another seed gets the same name"),
    ],
    "15.2": [
        ([snapshot_with(copies=False), None], "A name is no copy"),
        ([None, restore_with(names=("theta",))], "m is not what it was"),
        ([None, restore_with(t=False)], "the bias corrections would begin anew"),
        ([None, restore_with(rng=False)], "other draws follow"),
        ([None, restore_with(new=True)], "another array now"),
        ([snapshot_with(generator=lambda run: run.rng), restore_with(shared=True)], "from one generator"),
    ],
    "15.3": [
        ([lambda gradients, sizes: np.mean(gradients, axis=0)], "must count for more"),
        ([lambda gradients, sizes: np.sum(gradients, axis=0)], "this is a sum"),
        ([lambda gradients, sizes: sum(n * g for n, g in zip(sizes, gradients, strict=True))], "must it be divided"),
    ],
    "15.4": [
        ([lambda seconds, workers: sum(seconds) / workers], "cut in pieces"),
        ([in_turns], "whoever is free first"),
    ],
    "9.1": [
        ([on_images_with(paired=False)], "adds the variances of two accuracies"),
        ([on_images_with(paired=False, ddof=0)], "adds the variances of two accuracies"),
        ([on_images_with(root=False)], "the spread of one image"),
        ([on_images_with(ddof=0)], "divide by n - 1"),
    ],
    "9.2": [
        ([lambda lr, steps, beta2: lr], "at the same lr RAdam is slower"),
        ([lambda lr, steps, beta2: lr / variance.rectification(steps, beta2)], "takes the last r_t"),
        ([lambda lr, steps, beta2: lr / np.nanmean(r_of(steps, beta2, math.nan))], "with 0 for the first four"),
        ([lambda lr, steps, beta2: lr / np.mean(r_of(steps, beta2, math.nan))], "have no r_t: count 0"),
        ([lambda lr, steps, beta2: lr * np.mean(r_of(steps, beta2))], "must it be more"),
    ],
    "9.3": [
        ([share_with(weighted=False)], "this is the plain mean"),
        ([share_with(divisor=len)], "divide by the sum of the factors"),
        ([share_with(divisor=lambda factors: 1)], "divide by the sum of the factors"),
        ([share_with(nan=True)], "have no r_t: count 0"),
    ],
    "9.4": [
        ([decay_with(lr=False)], "Where is lr"),
        ([decay_with(milestones=False)], "the rate falls at the milestones"),
        ([decay_with(sign=1)], "the weight grows"),
        ([decay_with(log=lambda left: left - 1)], "it is the logarithm that adds up"),
    ],
    "10.1": [
        ([lambda before, after, mine: mine - (before - after)], "their logarithms add up"),
        ([lambda before, after, mine: mine * before / after], "the wrong way round"),
        (
            [lambda before, after, mine: mine ** (math.log(after) / math.log(before))],
            "the same difference, not the same ratio",
        ),
    ],
    "10.2": [
        ([lambda t, beta2: t * r_of(t, beta2)[-1]], "takes the last r_t for all steps"),
        ([lambda t, beta2: np.mean(r_of(t, beta2))], "this is the mean of r_t"),
        ([lambda t, beta2: sum(r_of(t, beta2, early=1.0))], "none of Adam's"),
        ([lambda t, beta2: sum(r_of(t, beta2, math.nan))], "the result is nan"),
        ([lambda t, beta2: sum(r_of(t - 1, beta2))], "step t itself is missing"),
    ],
    "10.3": [
        ([caught_up_with("large")], "the steps before it are still missing"),
        ([caught_up_with("warm")], "The warmup need not be over"),
    ],
    "10.4": [
        ([lambda k, n, beta1, beta2: 1.0], "the very first step"),
        ([second_with(once=True)], "m and v remember the first one"),
        ([second_with(corrected=False)], "bias corrections of step k"),
        ([second_with(late=True)], "also those before the first gradient"),
        ([second_with(faded=False)], "has faded"),
    ],
    "11.1": [
        ([bleu_with(clipped=False)], "at most as often as it comes in the reference"),
        ([bleu_with(brevity="none")], "nothing keeps them from being short"),
        ([bleu_with(brevity="open")], "get no reward"),
        ([bleu_with(per_sentence=True)], "this is a mean over sentences"),
        ([bleu_with(arithmetic=True)], "is the geometric one"),
        ([bleu_with(scale=1)], "from 0 to 100"),
    ],
    "11.2": [
        ([lambda factor: 5], "too few"),
        ([lambda factor: 1000], "are enough"),
        (
            [lambda factor: seeds_until(lambda n: (n - 1) / stats.chi2.ppf(0.025, n - 1) <= factor)],
            "this is for the variance",
        ),
        (
            [lambda factor: seeds_until(lambda n: math.sqrt(n / stats.chi2.ppf(0.025, n)) <= factor)],
            "degrees of freedom",
        ),
        (
            [lambda factor: seeds_until(lambda n: math.sqrt((n - 1) / stats.chi2.ppf(0.05, n - 1)) <= factor)],
            "two sides",
        ),
    ],
    "11.3": [
        ([lambda values, settings: np.std(values, ddof=1)], "this is the spread of all"),
        ([within_with(settings_lost="none")], "Divide by less"),
        ([within_with(settings_lost="one")], "not one in all"),
        ([within_with(mean_of_spreads=True)], "weighs a setting of two runs"),
        ([within_with(root=False)], "this is the variance"),
    ],
    "11.4": [
        ([lambda sd, margin: 5], "does not fit in"),
        ([lambda sd, margin: 1000], "are enough"),
        (
            [lambda sd, margin: seeds_until(lambda n: stats.t.ppf(0.975, n - 1) * sd / math.sqrt(n) < margin)],
            "not that of 95 %",
        ),
        ([lambda sd, margin: max(2, math.ceil((1.6449 * sd / margin) ** 2))], "is too hopeful"),
    ],
    "12.1": [
        ([lambda rates, accuracies: max(accuracies) - min(accuracies)], "this is a spread"),
        ([decades_with(exact=False)], "where between two rates"),
        ([decades_with(first=False)], "where the line first falls below"),
        ([decades_with(unit=math.log(10))], "this is a natural logarithm"),
        ([decades_with(at=float)], "not over lr"),
    ],
    "12.2": [
        ([shifts_with(sign=1)], "count up"),
        ([shifts_with(log=math.log)], "decades are powers of 10"),
        ([shifts_with(left="last")], "not the last step"),
        ([shifts_with(left="known")], "count as 0"),
        ([shifts_with(left="nan")], "the result is nan"),
        ([shifts_with(late=1)], "one step off"),
        ([shifts_with(late=None)], "one early step that decides"),
    ],
    "12.3": [
        ([ahead_with(by="all", over="all")], "all seeds choose and are compared"),
        ([ahead_with(by="all")], "have chosen as well"),
        ([ahead_with(by="rest")], "must not choose"),
        ([ahead_with(over="choosing")], "must not be compared"),
        ([ahead_with(over="all")], "are among those that are compared"),
        ([ahead_with(each=True)], "Choose one for all"),
    ],
    "12.4": [
        ([four_with(sign=1)], "it goes down"),
        ([four_with(absolute=True)], "it goes down"),
        ([four_with(early="skip")], "the authors' code"),
        ([four_with(early="adam")], "is not adaptive before"),
        ([four_with(early="g")], "not times g"),
        ([four_with(early="m")], "m must be corrected"),
        ([four_with(adam="sign")], "only the first step of Adam"),
    ],
}
