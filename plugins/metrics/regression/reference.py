"""Makes reference.h: values with weights, and what scikit-learn and numpy say of them.

    python3 reference.py > reference.h
"""
import numpy as np
import sklearn
from math import erf, sqrt
from sklearn import metrics as m


def array(name, values):
    lines, line = [], "   "
    for text in [repr(float(v)) for v in np.ravel(values)]:
        if len(line) + len(text) > 96:
            lines.append(line)
            line = "   "
        line += " " + text + ","
    print(f"static const double {name}[] = {{\n" + "\n".join(lines + [line]) + "\n};\n")


r = np.random.default_rng(5)
rows = 50
target = np.round(r.normal(100, 30, (rows, 2)), 2)
predicted = np.round(target * r.normal(1.02, 0.1, (rows, 2)), 2)
w = np.round(r.exponential(size=rows) + 0.05, 3)
residual = predicted - target
tail = 0.5 * (1 - erf(sqrt(0.5)))


def width(column):
    low, high = np.quantile(column, [tail, 1 - tail], weights=w, method="inverted_cdf")
    return (high - low) / 2


values = {
    "r2": m.r2_score(target, predicted, sample_weight=w),
    "rmse": sqrt(m.mean_squared_error(target, predicted, sample_weight=w)),
    "mae": m.mean_absolute_error(target, predicted, sample_weight=w),
    "bias": np.average(residual.mean(1), weights=w),
    "resolution": np.mean(np.sqrt(np.diag(np.cov(residual.T, aweights=w, ddof=0)))),
    "resolution_68": np.mean([width(column) for column in residual.T]),
}
print(f"""/* reference.h: made by reference.py with scikit-learn {sklearn.__version__}, numpy {np.__version__}. */
// clang-format off
enum {{ REFERENCE_ROWS = {rows}, REFERENCE_WIDTH = 2 }};
""")
array("reference_target", target)
array("reference_predicted", predicted)
array("reference_weight", w)
print("static const struct {\n    const char *name;\n    double value;\n} reference_numbers[] = {")
for key, value in values.items():
    print(f'    {{"{key}", {float(value)!r}}},')
print("};\n// clang-format on")
