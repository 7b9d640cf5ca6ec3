using System.Text.Json;
using System.Text.Json.Serialization;

namespace Engine.Training;

/// <summary>
/// How near predicted figures are to the true ones, with e = prediction - target over N rows; sums are taken in double.
/// </summary>
/// <param name="Name">The output; "all" for all together.</param>
/// <param name="Rmse">sqrt(mean e²), in the target's unit.</param>
/// <param name="Mae">mean |e|, in the target's unit.</param>
/// <param name="R2">
/// 1 - sum e² / sum (target - mean target)²: 1 is perfect, 0 is no better than the targets' mean. Where the targets are all the same, 1 if
/// the predictions are they, else 0, as scikit-learn's r2_score has it; so it is no NaN for a single row either, where scikit-learn's is.
/// </param>
public sealed record RegressionFigures(string Name, double Rmse, double Mae, [property: JsonPropertyName("r2")] double R2);

/// <summary>RMSE, MAE and R² of each output of a network that predicts figures, and of all together.</summary>
public sealed class RegressionReport
{
    private RegressionReport(int rows, IReadOnlyList<RegressionFigures> outputs, RegressionFigures overall) =>
        (Rows, Outputs, Overall) = (rows, outputs, overall);

    /// <summary>How many rows there are.</summary>
    public int Rows { get; }

    /// <summary>The figures of each output.</summary>
    public IReadOnlyList<RegressionFigures> Outputs { get; }

    /// <summary>RMSE and MAE over all numbers of all outputs, which says something where they have one unit; R² is the mean of the outputs'.</summary>
    public RegressionFigures Overall { get; }

    /// <summary>Compares predictions with targets.</summary>
    /// <param name="predictions">[N, K], row by row.</param>
    /// <param name="targets">[N, K].</param>
    /// <param name="outputNames">The K outputs.</param>
    /// <exception cref="EngineException">The lengths do not fit, or a number is infinite or NaN.</exception>
    public static RegressionReport Of(ReadOnlySpan<float> predictions, ReadOnlySpan<float> targets, IReadOnlyList<string> outputNames)
    {
        int outputs = outputNames.Count, rows = ReportCheck.Rows("regression report", predictions.Length, targets.Length, outputs);
        RegressionFigures[] figures = new RegressionFigures[outputs];
        double allSquares = 0, allMagnitudes = 0;
        for (int k = 0; k < outputs; k++)
        {
            double squares = 0, magnitudes = 0, mean = 0, spread = 0;
            for (int i = k; i < targets.Length; i += outputs)
            {
                if (!float.IsFinite(predictions[i]) || !float.IsFinite(targets[i]))
                {
                    throw new EngineException(FormattableString.Invariant(
                        $"regression report: row {i / outputs}, '{outputNames[k]}': prediction {predictions[i]} and target {targets[i]} must be finite"));
                }

                double error = (double)predictions[i] - targets[i];
                squares += error * error;
                magnitudes += Math.Abs(error);
                mean += targets[i];
            }

            // The mean of equal numbers may be rounded, and their spread must be 0 all the same.
            bool isConstant = true;
            mean /= rows;
            for (int i = k; i < targets.Length; i += outputs)
            {
                isConstant &= targets[i] == targets[k];
                spread += (targets[i] - mean) * (targets[i] - mean);
            }

            double r2 = !isConstant ? 1 - (squares / spread) : squares == 0 ? 1 : 0;
            figures[k] = new RegressionFigures(outputNames[k], Math.Sqrt(squares / rows), magnitudes / rows, r2);
            allSquares += squares;
            allMagnitudes += magnitudes;
        }

        RegressionFigures overall = new(
            "all", Math.Sqrt(allSquares / targets.Length), allMagnitudes / targets.Length, figures.Average(output => output.R2));
        return new RegressionReport(rows, figures, overall);
    }

    /// <summary>A table of text: a row for each output, then all together where there are several.</summary>
    public override string ToString()
    {
        ReportTable table = new();
        table.Add("", "rmse", "mae", "r2");
        foreach (RegressionFigures figures in Outputs.Count > 1 ? Outputs.Append(Overall) : Outputs)
        {
            table.Add(figures.Name, ReportTable.Amount(figures.Rmse), ReportTable.Amount(figures.Mae), ReportTable.Number(figures.R2));
        }

        return table.ToString();
    }

    /// <summary>The report as JSON: {"rows":10,"overall":{"name":"all","rmse":0.5,"mae":0.4,"r2":0.9},"outputs":[{"name":"price", ...}]}.</summary>
    public string ToJson() => JsonSerializer.Serialize(new RegressionDocument(Rows, Overall, Outputs), ReportJson.Default.RegressionDocument);
}

/// <summary>A <see cref="RegressionReport"/> in JSON.</summary>
internal sealed record RegressionDocument(int Rows, RegressionFigures Overall, IReadOnlyList<RegressionFigures> Outputs);
