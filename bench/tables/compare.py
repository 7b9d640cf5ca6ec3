#!/usr/bin/env python3
"""Compares 'engine train --data table:FILE' with scikit-learn's MLPs on the same splits, five seeds each.

compare.py ENGINE [DATA_FOLDER]: ENGINE is the built command; the folder has iris.csv, breast-cancer.csv and diabetes.csv
(default: tests/Tables.Tests/Data). Needs scikit-learn. Prints a table in Markdown.
"""
import csv
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SETS = [("iris", "species"), ("breast-cancer", "diagnosis"), ("diabetes", "progression")]
SEEDS = range(5)
HIDDEN = (64, 64)


def write(path, header, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def engine(command, folder, header, train, test, target, seed):
    write(folder / "train.csv", header, train)
    write(folder / "test.csv", header, test)
    line = [command, "train", "--data", f"table:{folder / 'train.csv'}", "--test-data", str(folder / "test.csv"), "--target", target,
            "--seed", str(seed), "--out", str(folder / "run"), "--overwrite", "--device", "cpu", "--threads", "1", "--json"]
    output = subprocess.run(line, check=True, capture_output=True, text=True).stdout
    last = json.loads(output.splitlines()[-1])
    return last["r2"] if "r2" in last else last["correct"] / last["total"]


def peers(train, test, seed, is_regression):
    x, y = np.array([r[:-1] for r in train], float), [r[-1] for r in train]
    tx, ty = np.array([r[:-1] for r in test], float), [r[-1] for r in test]
    if is_regression:
        y, ty = np.array(y, float), np.array(ty, float)
        mlp = TransformedTargetRegressor(MLPRegressor(HIDDEN, random_state=seed), transformer=StandardScaler())
        linear = LinearRegression()
    else:
        mlp, linear = MLPClassifier(HIDDEN, random_state=seed), LogisticRegression(max_iter=1000)
    return [make_pipeline(StandardScaler(), model).fit(x, y).score(tx, ty) for model in (mlp, linear)]


def shown(values, is_regression):
    values = np.array(values) * (1 if is_regression else 100)
    return f"{values.mean():.3f} ± {values.std():.3f}" if is_regression else f"{values.mean():.1f} ± {values.std():.1f} %"


def main():
    warnings.filterwarnings("ignore")
    command = sys.argv[1]
    data = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else pathlib.Path(__file__).parents[2] / "tests/Tables.Tests/Data")
    print("| set | measured | engine | scikit-learn's MLP | its linear model |\n| --- | --- | --- | --- | --- |", flush=True)
    for name, target in SETS:
        header, *rows = list(csv.reader(open(data / f"{name}.csv")))
        is_regression = target == "progression"
        results = []
        for seed in SEEDS:
            stratify = None if is_regression else [r[-1] for r in rows]
            train, test = train_test_split(rows, test_size=0.2, random_state=seed, stratify=stratify)
            with tempfile.TemporaryDirectory() as folder:
                ours = engine(command, pathlib.Path(folder), header, train, test, target, seed)
            results.append([ours, *peers(train, test, seed, is_regression)])
            print(name, seed, *(f"{r:.4f}" for r in results[-1]), file=sys.stderr, flush=True)
        columns = [shown(column, is_regression) for column in zip(*results)]
        print(f"| {name} | {'R2' if is_regression else 'accuracy'} | {' | '.join(columns)} |", flush=True)


main()
