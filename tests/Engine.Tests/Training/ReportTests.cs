using System.Text.Json;
using Engine.Training;

namespace Engine.Tests.Training;

/// <summary>Reports are scikit-learn's (Data/make_metric_vectors.py), and small ones are right by hand.</summary>
public sealed class ReportTests
{
    private static readonly JsonElement Root = JsonDocument.Parse(
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Training/Data/metric_vectors.json"))).RootElement;

    [Fact]
    public void A_classification_report_is_scikit_learns()
    {
        JsonElement expected = Root.GetProperty("classification");
        ClassificationReport report = ClassificationReport.Of(
            Floats(expected, "outputs"), [.. expected.GetProperty("labels").EnumerateArray().Select(label => label.GetInt32())],
            ["a", "b", "c", "d", "e", "f"]);
        AssertFigures(expected.GetProperty("classes"), report.Classes);
        AssertAverage(expected.GetProperty("macro"), report.Macro);
        AssertAverage(expected.GetProperty("weighted"), report.Weighted);
        Assert.Equal(expected.GetProperty("accuracy").GetDouble(), report.Accuracy, 1e-14);
        for (int label = 0; label < 6; label++)
        {
            for (int prediction = 0; prediction < 6; prediction++)
            {
                Assert.Equal(expected.GetProperty("confusion")[label][prediction].GetInt64(), report.Confusion[label, prediction]);
            }
        }

        // A class without samples and one that is never predicted: zeros, and no NaN.
        Assert.Equal(0, report.Classes[5].Support);
        Assert.Equal((0, 0, 0), (report.Classes[2].Precision, report.Classes[2].Recall, report.Classes[2].F1));
        Assert.True(report.Classes[2].Support > 0);
    }

    [Fact]
    public void A_report_of_several_labels_is_scikit_learns()
    {
        JsonElement expected = Root.GetProperty("multiLabel");
        float[] outputs = Floats(expected, "outputs"), targets = Floats(expected, "targets");
        MultiLabelReport report = MultiLabelReport.Of(outputs, targets, ["a", "b", "c", "d", "e"]);
        AssertFigures(expected.GetProperty("labels"), report.Labels);
        AssertAverage(expected.GetProperty("micro"), report.Micro);
        AssertAverage(expected.GetProperty("macro"), report.Macro);
        Assert.Equal(expected.GetProperty("exact").GetDouble(), report.ExactMatch, 1e-14);
        Assert.Equal(expected.GetProperty("hamming").GetDouble(), report.HammingLoss, 1e-14);

        // Probabilities with a threshold of 1/2 say the same as their logits.
        float[] probabilities = [.. outputs.Select(x => 1 / (1 + MathF.Exp(-x)))];
        Assert.Equal(report.ToJson(), MultiLabelReport.Of(probabilities, targets, ["a", "b", "c", "d", "e"], threshold: 0.5f).ToJson());
    }

    [Fact]
    public void A_regression_report_is_scikit_learns_also_where_a_target_is_constant()
    {
        JsonElement expected = Root.GetProperty("regression");
        RegressionReport report = RegressionReport.Of(Floats(expected, "predictions"), Floats(expected, "targets"), ["a", "b", "met", "missed"]);
        for (int k = 0; k < 4; k++)
        {
            Assert.Equal(expected.GetProperty("rmse")[k].GetDouble(), report.Outputs[k].Rmse, 1e-12);
            Assert.Equal(expected.GetProperty("mae")[k].GetDouble(), report.Outputs[k].Mae, 1e-12);
            Assert.Equal(expected.GetProperty("r2")[k].GetDouble(), report.Outputs[k].R2, 1e-12);
        }

        double[] all = [.. expected.GetProperty("all").EnumerateArray().Select(value => value.GetDouble())];
        Assert.Equal(all, [report.Overall.Rmse, report.Overall.Mae, report.Overall.R2], (a, b) => Math.Abs(a - b) <= 1e-12 * Math.Abs(a));
        Assert.Equal((1, 0), (report.Outputs[2].R2, report.Outputs[3].R2));
    }

    // Targets 1, 2, 3 and predictions 1, 3, 3: squares sum to 1, the targets' spread is 2.
    [Fact]
    public void A_small_regression_is_right_by_hand_and_a_single_row_has_no_NaN()
    {
        RegressionFigures figures = RegressionReport.Of([1, 3, 3], [1, 2, 3], ["y"]).Outputs[0];
        Assert.Equal(Math.Sqrt(1 / 3.0), figures.Rmse, 1e-15);
        Assert.Equal(1 / 3.0, figures.Mae, 1e-15);
        Assert.Equal(0.5, figures.R2, 1e-15);
        Assert.Equal(1, RegressionReport.Of([2], [2], ["y"]).Overall.R2);
        Assert.Equal(0, RegressionReport.Of([2.5f], [2], ["y"]).Overall.R2);
    }

    [Fact]
    public void Reports_are_tables_of_text()
    {
        int[] labels = [0, 0, 0, 1, 1, 2], predictions = [0, 0, 1, 1, 1, 0];
        ConfusionMatrix matrix = ConfusionMatrix.Of(labels, predictions, ["cat", "dog", "bird"]);
        Assert.Equal(
            "true \\ predicted  cat  dog  bird\n"
                + "cat                 2    1     0\n"
                + "dog                 0    2     0\n"
                + "bird                1    0     0",
            matrix.ToString());
        Assert.Equal(
            "                  precision  recall  f1-score  support\n"
                + "cat                   0.667   0.667     0.667        3\n"
                + "dog                   0.667   1.000     0.800        2\n"
                + "bird                  0.000   0.000     0.000        1\n"
                + "accuracy                                0.667        6\n"
                + "macro average         0.444   0.556     0.489        6\n"
                + "weighted average      0.556   0.667     0.600        6",
            ClassificationReport.Of(matrix).ToString());
        Assert.Equal("   rmse  mae     r2\ny     1    1  0.000", RegressionReport.Of([0, 0], [1, -1], ["y"]).ToString());
        Assert.Contains("all", RegressionReport.Of([0, 0], [1, -1], ["x", "y"]).ToString(), StringComparison.Ordinal);
        Assert.Equal(
            "               precision  recall  f1-score  support\n"
                + "red                1.000   1.000     1.000        1\n"
                + "big                0.000   0.000     0.000        1\n"
                + "micro average      1.000   0.500     0.667        2\n"
                + "macro average      0.500   0.500     0.500        2\n"
                + "exact match                          0.500        2\n"
                + "Hamming loss                         0.250        2",
            MultiLabelReport.Of([1, -1, -1, -1], [1, 1, 0, 0], ["red", "big"]).ToString());
    }

    [Fact]
    public void Reports_are_json()
    {
        ConfusionMatrix matrix = ConfusionMatrix.Of([0, 1, 1], [0, 1, 0], ["cat", "dog"]);
        Assert.Equal("""{"class_names":["cat","dog"],"counts":[[1,0],[1,1]]}""", matrix.ToJson());
        Assert.Equal(
            """{"accuracy":0.5,"total":2,"macro":{"precision":0.25,"recall":0.5,"f1":0.3333333333333333},"""
                + "\"weighted\":" + """{"precision":0.25,"recall":0.5,"f1":0.3333333333333333},"classes":["""
                + """{"name":"cat","precision":0.5,"recall":1,"f1":0.6666666666666666,"support":1},"""
                + """{"name":"dog","precision":0,"recall":0,"f1":0,"support":1}],"confusion":[[1,0],[1,0]]}""",
            ClassificationReport.Of([1, 0, 1, 0], [0, 1], ["cat", "dog"]).ToJson());
        Assert.Equal(
            """{"rows":2,"overall":{"name":"all","rmse":1,"mae":1,"r2":0},"outputs":[{"name":"y","rmse":1,"mae":1,"r2":0}]}""",
            RegressionReport.Of([0, 0], [1, -1], ["y"]).ToJson());
        JsonElement labels = JsonDocument.Parse(MultiLabelReport.Of([1, -1], [1, 0], ["red", "big"]).ToJson()).RootElement;
        Assert.Equal(["samples", "exact_match", "hamming_loss", "micro", "macro", "labels"], labels.EnumerateObject().Select(property => property.Name));
    }

    [Fact]
    public void Of_equal_outputs_the_first_is_the_prediction_and_batches_add_up()
    {
        ConfusionMatrix matrix = ClassificationReport.Of([1, 1, 0, 0], [0, 0], ["cat", "dog"]).Confusion;
        Assert.Equal((2, 0), (matrix[0, 0], matrix[0, 1]));
        matrix.Add([1], [1]);
        Assert.Equal((3, 3, 1.0), (matrix.Total, matrix.Correct, matrix.Accuracy));
        Assert.Equal(0, new ConfusionMatrix(["cat"]).Accuracy);
        Assert.Equal(new AverageFigures(0, 0, 0), new ConfusionMatrix(["cat"]).Weighted);
    }

    [Fact]
    public void What_does_not_fit_is_one_line_that_says_what_was_given()
    {
        ConfusionMatrix matrix = new(["cat", "dog"]);
        Assert.Equal(
            "confusion matrix: label 0 and prediction 2 must be from 0 to 1", Assert.Throws<EngineException>(() => matrix.Add([1, 0], [1, 2])).Message);
        Assert.Equal(0, matrix.Total);
        Action[] wrong =
        [
            () => matrix.Add([1], []), () => matrix.Add(-1, 0), () => new ConfusionMatrix([]),
            () => ClassificationReport.Of([1, 2, 3], [0], ["cat", "dog"]), () => ClassificationReport.Of([1, float.NaN], [0], ["cat", "dog"]),
            () => MultiLabelReport.Of([1], [0.5f], ["red"]), () => MultiLabelReport.Of([float.NaN], [1], ["red"]),
            () => MultiLabelReport.Of([1, 2, 3], [1, 1, 1], ["red", "big"]), () => RegressionReport.Of([], [], ["y"]),
            () => RegressionReport.Of([1], [1, 2], ["y"]), () => RegressionReport.Of([float.NaN], [1], ["y"]),
            () => RegressionReport.Of([1], [float.PositiveInfinity], ["y"]),
        ];
        Assert.All(wrong, action => Assert.DoesNotContain('\n', Assert.Throws<EngineException>(action).Message));
    }

    private static float[] Floats(JsonElement element, string name) => [.. element.GetProperty(name).EnumerateArray().Select(value => value.GetSingle())];

    private static void AssertFigures(JsonElement expected, IReadOnlyList<ClassFigures> figures)
    {
        for (int k = 0; k < figures.Count; k++)
        {
            Assert.Equal(expected.GetProperty("precision")[k].GetDouble(), figures[k].Precision, 1e-14);
            Assert.Equal(expected.GetProperty("recall")[k].GetDouble(), figures[k].Recall, 1e-14);
            Assert.Equal(expected.GetProperty("f1")[k].GetDouble(), figures[k].F1, 1e-14);
            Assert.Equal(expected.GetProperty("support")[k].GetInt64(), figures[k].Support);
        }
    }

    private static void AssertAverage(JsonElement expected, AverageFigures average)
    {
        Assert.Equal(expected.GetProperty("precision").GetDouble(), average.Precision, 1e-14);
        Assert.Equal(expected.GetProperty("recall").GetDouble(), average.Recall, 1e-14);
        Assert.Equal(expected.GetProperty("f1").GetDouble(), average.F1, 1e-14);
    }
}
