"""Writes what scikit-learn computes for the reports of Engine.Training.

Run by a Python with scikit-learn: python3 make_metric_vectors.py. One class has no sample and one is never predicted; one label is never
true and one never answered; two regression targets are constant, one of them met by the predictions.
"""
import json
import pathlib

import numpy as np
from sklearn import metrics

random = np.random.default_rng(3)


def figures(truth, predictions, labels, average=None):
    precision, recall, f1, support = metrics.precision_recall_fscore_support(truth, predictions, labels=labels, average=average, zero_division=0)
    result = {"precision": precision, "recall": recall, "f1": f1}
    return {k: v if average else v.tolist() for k, v in result.items()} | ({} if average else {"support": support.tolist()})


def classification():
    classes, rows = 6, 150
    labels = random.integers(0, classes - 1, rows)  # none of the last class
    outputs = (random.normal(size=(rows, classes)) + 1.2 * np.eye(classes)[labels]).astype(np.float32)
    outputs[:, 2] -= 20  # never predicted
    predictions, numbers = outputs.argmax(1), list(range(classes))
    return {
        "outputs": outputs.ravel().tolist(),
        "labels": labels.tolist(),
        "confusion": metrics.confusion_matrix(labels, predictions, labels=numbers).tolist(),
        "accuracy": metrics.accuracy_score(labels, predictions),
        "classes": figures(labels, predictions, numbers),
        "macro": figures(labels, predictions, numbers, "macro"),
        "weighted": figures(labels, predictions, numbers, "weighted"),
    }


def multi_label():
    columns, rows = 5, 80
    targets = (random.random((rows, columns)) < 0.4).astype(int)
    outputs = (random.normal(size=(rows, columns)) + 2 * targets - 1).astype(np.float32)
    targets[:, 1] = 0
    outputs[:, 3] = -1
    answers = (outputs > 0).astype(int)
    return {
        "outputs": outputs.ravel().tolist(),
        "targets": targets.ravel().tolist(),
        "labels": figures(targets, answers, None),
        "micro": figures(targets, answers, None, "micro"),
        "macro": figures(targets, answers, None, "macro"),
        "exact": metrics.accuracy_score(targets, answers),
        "hamming": metrics.hamming_loss(targets, answers),
    }


def regression():
    columns, rows = 4, 60
    targets = (1000 + random.normal(size=(rows, columns)) * [1, 30, 1, 1]).astype(np.float32)
    predictions = (targets + random.normal(size=(rows, columns)) * [0.5, 50, 0.1, 0.1]).astype(np.float32)
    targets[:, 2] = predictions[:, 2] = np.float32(0.1)
    targets[:, 3] = np.float32(0.1)
    a, b = targets.astype(np.float64), predictions.astype(np.float64)
    return {
        "predictions": predictions.ravel().tolist(),
        "targets": targets.ravel().tolist(),
        "rmse": np.sqrt(metrics.mean_squared_error(a, b, multioutput="raw_values")).tolist(),
        "mae": metrics.mean_absolute_error(a, b, multioutput="raw_values").tolist(),
        "r2": metrics.r2_score(a, b, multioutput="raw_values").tolist(),
        "all": [
            float(np.sqrt(metrics.mean_squared_error(a, b))), metrics.mean_absolute_error(a, b), metrics.r2_score(a, b),
        ],
    }


if __name__ == "__main__":
    vectors = {"classification": classification(), "multiLabel": multi_label(), "regression": regression()}
    text = ",\n".join(f"{json.dumps(name)}: {json.dumps(case)}" for name, case in vectors.items())
    (pathlib.Path(__file__).parent / "metric_vectors.json").write_text("{\n" + text + "\n}\n")
