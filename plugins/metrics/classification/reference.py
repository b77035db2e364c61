"""Makes reference.h: predictions with ties and weights, and what scikit-learn says of them.

    python3 reference.py > reference.h
"""
import numpy as np
import sklearn
from sklearn import metrics as m
from sklearn.calibration import calibration_curve


def array(name, values, kind="double"):
    texts = [repr(float(v)) if kind == "double" else str(int(v)) for v in np.ravel(values)]
    lines, line = [], "   "
    for text in texts:
        if len(line) + len(text) > 96:
            lines.append(line)
            line = "   "
        line += " " + text + ","
    print(f"static const {kind} {name}[] = {{\n" + "\n".join(lines + [line]) + "\n};\n")


def one_against_rest(of, truth, p, w):
    return [of(truth == k, p[:, k], sample_weight=w) for k in range(p.shape[1])]


def case(name, rows, classes, seed, digits):
    r = np.random.default_rng(seed)
    truth = r.integers(0, classes, rows)
    raw = r.random((rows, classes)) + 0.7 * np.eye(classes)[truth] * r.random((rows, 1))
    p = np.round(raw / raw.sum(1, keepdims=True), digits)
    p[:, 0] = np.round(1 - p[:, 1:].sum(1), digits)  # rows add up to 1, scores have ties
    w = np.round(r.exponential(size=rows) + 0.05, 3)
    said = p.argmax(1)
    macro = dict(sample_weight=w, average="macro")
    auc = one_against_rest(m.roc_auc_score, truth, p, w)
    ap = one_against_rest(m.average_precision_score, truth, p, w)
    recalls = m.recall_score(truth, said, sample_weight=w, average=None)
    specific = [m.recall_score(truth != k, said != k, sample_weight=w) for k in range(classes)]
    values = {
        "accuracy": m.accuracy_score(truth, said, sample_weight=w),
        "error_rate": m.zero_one_loss(truth, said, sample_weight=w),
        "balanced_accuracy": m.balanced_accuracy_score(truth, said, sample_weight=w),
        "precision": m.precision_score(truth, said, **macro),
        "recall": m.recall_score(truth, said, **macro),
        "f1": m.f1_score(truth, said, **macro),
        "specificity": np.mean(specific),
        "geometric_mean": np.prod(recalls) ** (1 / classes),
        "auc": auc[1] if classes == 2 else m.roc_auc_score(
            truth, p, multi_class="ovr", average="macro", sample_weight=w),
        "average_precision": ap[1] if classes == 2 else np.mean(ap),
        "log_loss": m.log_loss(truth, p, sample_weight=w),
        "brier": m.brier_score_loss(truth, p[:, 1], sample_weight=w) if classes == 2 else
        np.average(((p - np.eye(classes)[truth]) ** 2).sum(1), weights=w),
    }
    array(f"{name}_predicted", p)
    array(f"{name}_truth", truth, "int64_t")
    array(f"{name}_weight", w)
    array(f"{name}_auc_by_class", auc)
    array(f"{name}_average_precision_by_class", ap)
    array(f"{name}_confusion", m.confusion_matrix(truth, said, sample_weight=w))
    fpr, tpr, threshold = m.roc_curve(truth == 1, p[:, 1], sample_weight=w, drop_intermediate=False)
    array(f"{name}_roc_x", fpr)
    array(f"{name}_roc_y", tpr)
    array(f"{name}_roc_threshold", threshold[1:])
    precision, recall, threshold = m.precision_recall_curve(truth == 1, p[:, 1], sample_weight=w)
    array(f"{name}_pr_x", recall[::-1])
    array(f"{name}_pr_y", precision[::-1])
    frequency, mean = calibration_curve(truth == 1, p[:, 1], n_bins=15)  # it knows no weights
    array(f"{name}_calibration_x", mean)
    array(f"{name}_calibration_y", frequency)
    print(f"static const figure {name}_numbers[] = {{")
    for key, value in values.items():
        print(f'    {{"{key}", {float(value)!r}}},')
    print("    {NULL, 0},\n};\n")
    print(f"""static const reference of_{name} = {{
    {rows}, {classes}, {name}_predicted, {name}_truth, {name}_weight, {name}_numbers,
    {name}_auc_by_class, {name}_average_precision_by_class, {name}_confusion,
    {{{len(fpr)}, {name}_roc_x, {name}_roc_y, {name}_roc_threshold}},
    {{{len(recall)}, {name}_pr_x, {name}_pr_y, NULL}},
    {{{len(mean)}, {name}_calibration_x, {name}_calibration_y, NULL}},
}};
""")


print(f"""/* reference.h: made by reference.py with scikit-learn {sklearn.__version__}. */
// clang-format off
typedef struct {{
    const char *name;
    double value;
}} figure;

typedef struct {{
    int64_t count;
    const double *x, *y;
    const double *threshold; // of all points but the first
}} points;

typedef struct {{
    int64_t rows, classes;
    const double *predicted;
    const int64_t *truth;
    const double *weight;
    const figure *numbers; // ends with {{NULL}}
    const double *auc_by_class, *average_precision_by_class, *confusion;
    points roc, precision_recall; // of class 1
    points calibration;           // of class 1, without weights
}} reference;
""")
case("two", 80, 2, 1, 2)
case("four", 60, 4, 2, 2)
print("// clang-format on")
