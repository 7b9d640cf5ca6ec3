using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Engine.Data;
using Engine.Formats;
using Engine.Tables;

namespace Engine.Cli;

/// <summary>Predicts what the rows of tables are: a line a row, or a table with the predictions as further columns.</summary>
/// <param name="saved">The weights, loaded.</param>
/// <param name="device">What computes.</param>
/// <param name="batchSize">Batch size.</param>
/// <param name="top">Classes to print, the most likely first.</param>
/// <param name="output">Where it is printed.</param>
internal sealed class TablePrediction(SavedTable saved, Device device, int batchSize, int top, CommandOutput output)
{
    private IReadOnlyList<string> Targets => saved.Targets;

    private SampleTask Task => saved.Encoding.Task;

    /// <summary>Prints a line for each row; one for each row that cannot be used goes to standard error.</summary>
    /// <returns>How many rows or files could not be used.</returns>
    public int Print(IReadOnlyList<string> files, CancellationToken cancellation)
    {
        int failures = 0;
        foreach (string file in files)
        {
            try
            {
                Table table = Table.Open(file);
                EncodedRows rows = saved.Encoding.EncodeFeatures(table, skipBadRows: true);
                float[] answers = rows.Rows.Count == 0 ? [] : saved.Predict(rows, device, batchSize, cancellation);
                int width = Targets.Count;

                // In the order of the file, those that cannot be used too.
                for (int good = 0, bad = 0; good < rows.Rows.Count || bad < rows.Problems.Count;)
                {
                    bool isGood = good < rows.Rows.Count && (bad == rows.Problems.Count || rows.Rows[good] < rows.Problems[bad].Row);
                    int row = isGood ? rows.Rows[good] : rows.Problems[bad].Row;
                    ReadOnlySpan<float> answer = isGood ? answers.AsSpan(good * width, width) : default;
                    string? problem = isGood ? ProblemOf(answer, table, row) : rows.Problems[bad].Message;
                    (good, bad) = isGood ? (good + 1, bad) : (good, bad + 1);
                    failures += problem is null ? 0 : 1;
                    Tell(table, row, answer, problem, files.Count > 1);
                }
            }
            catch (EngineException e) when (files.Count > 1)
            {
                output.Fail(e.Message);
                failures++;
            }
        }

        return failures;
    }

    /// <summary>Writes a table with the predictions as further columns, as a whole or not at all.</summary>
    /// <exception cref="EngineException">A row cannot be used, a column has the name of a prediction, or the file cannot be written.</exception>
    public void Write(string file, string path, CancellationToken cancellation)
    {
        if (Path.GetFullPath(file) == Path.GetFullPath(path))
        {
            throw new UsageException("--out is the table itself: choose another file");
        }

        AtomicFile.CheckTarget(path);
        Table table = Table.Open(file);
        string[] added = [.. AddedColumns()];
        if (added.FirstOrDefault(table.HasColumn) is { } taken)
        {
            throw new EngineException($"'{table.Name}' has a column '{ShownName.Of(taken)}' already, which --out would add: rename it");
        }

        EncodedRows rows = saved.Encoding.EncodeFeatures(table);
        float[] answers = saved.Predict(rows, device, batchSize, cancellation);
        int width = Targets.Count;
        for (int row = 0; row < table.RowCount; row++)
        {
            if (ProblemOf(answers.AsSpan(row * width, width), table, row) is { } problem)
            {
                throw new EngineException(problem);
            }
        }

        AtomicFile.Write(path, stream =>
        {
            using StreamWriter writer = new(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
            WriteLine(writer, table.Separator, [.. table.Columns, .. added]);
            for (int row = 0; row < table.RowCount; row++)
            {
                int at = row;
                IEnumerable<string> cells = Enumerable.Range(0, table.Columns.Count).Select(c => table[at, c].ToString());
                WriteLine(writer, table.Separator, [.. cells, .. AddedCells(answers.AsMemory(row * width, width))]);
            }
        });
        output.Say($"{Words.Count(table.RowCount, "row")} of {table.Name} with {Words.Count(added.Length, "more column")} in {path}");
        if (output.IsJson)
        {
            output.Json(new JsonObject { ["rows"] = table.RowCount, ["out"] = path });
        }
    }

    private IEnumerable<string> AddedColumns() => Task switch
    {
        SampleTask.Classification => [$"predicted_{saved.Encoding.Targets[0]}", .. Targets.Select(c => $"probability_{c}")],
        SampleTask.MultiLabel => Targets.SelectMany(t => (string[])[$"predicted_{t}", $"probability_{t}"]),
        _ => Targets.Select(t => $"predicted_{t}"),
    };

    private IEnumerable<string> AddedCells(ReadOnlyMemory<float> answer) => Task switch
    {
        SampleTask.Classification => [Targets[Best(answer.Span)], .. answer.ToArray().Select(Text)],
        SampleTask.MultiLabel => answer.ToArray().SelectMany(p => (string[])[p > 0.5 ? "1" : "0", Text(p)]),
        _ => answer.ToArray().Select(Text),
    };

    private static string Text(float number) => number.ToString(CultureInfo.InvariantCulture);

    private static int Best(ReadOnlySpan<float> answer)
    {
        int best = 0;
        for (int i = 1; i < answer.Length; i++)
        {
            best = answer[i] > answer[best] ? i : best;
        }

        return best;
    }

    private static void WriteLine(TextWriter writer, char separator, string[] cells)
    {
        for (int i = 0; i < cells.Length; i++)
        {
            string cell = cells[i];
            bool isQuoted = cell.AsSpan().ContainsAny([separator, '"', '\n', '\r']) || cell.AsSpan().Trim().Length != cell.Length
                || (cells.Length == 1 && cell.Length == 0);
            writer.Write(i == 0 ? "" : separator.ToString());
            writer.Write(isQuoted ? $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : cell);
        }

        writer.WriteLine();
    }

    private static string? ProblemOf(ReadOnlySpan<float> answer, Table table, int row)
    {
        foreach (float number in answer)
        {
            if (!float.IsFinite(number))
            {
                return $"'{table.Name}', line {table.LineOf(row)} gets no answer, because the network's outputs for it are not finite: check its numbers";
            }
        }

        return null;
    }

    private void Tell(Table table, int row, ReadOnlySpan<float> answer, string? problem, bool isNamed)
    {
        int line = table.LineOf(row);
        if (problem is not null)
        {
            output.Fail(problem);
        }

        if (output.IsJson)
        {
            JsonObject json = problem is null ? Json(answer) : new JsonObject { ["error"] = problem };
            json.Insert(0, "line", line);
            json.Insert(0, "table", table.Name);
            output.Json(json);
        }
        else if (problem is null)
        {
            output.Say($"{(isNamed ? $"{table.Name}, " : "")}line {line}: {Shown(answer)}");
        }
    }

    private string Shown(ReadOnlySpan<float> answer)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        float[] all = answer.ToArray();
        return string.Join(", ", Task switch
        {
            SampleTask.Classification => Order(all).Select(c => string.Create(culture, $"{ShownName.Of(Targets[c])} {all[c]:P2}")),
            SampleTask.MultiLabel => all.Select((p, i) => string.Create(culture, $"{ShownName.Of(Targets[i])} {(p > 0.5 ? "yes" : "no")} ({p:P2})")),
            _ => all.Select((v, i) => string.Create(culture, $"{ShownName.Of(Targets[i])} {v:G6}")),
        });
    }

    private JsonObject Json(ReadOnlySpan<float> answer)
    {
        float[] all = answer.ToArray();
        return Task switch
        {
            SampleTask.Classification => new() { ["class"] = Targets[Best(answer)], ["probabilities"] = Named(Order(all), all) },
            SampleTask.MultiLabel => new()
            {
                ["labels"] = new JsonArray([.. all.Index().Where(p => p.Item > 0.5).Select(p => (JsonNode)Targets[p.Index])]),
                ["probabilities"] = Named(Enumerable.Range(0, all.Length), all),
            },
            _ => new() { ["values"] = Named(Enumerable.Range(0, all.Length), all) },
        };
    }

    private JsonObject Named(IEnumerable<int> places, float[] answer) =>
        new(places.Select(i => KeyValuePair.Create(Targets[i], (JsonNode?)JsonValue.Create(answer[i]))));

    private IEnumerable<int> Order(float[] answer) => Enumerable.Range(0, answer.Length).OrderByDescending(c => answer[c]).Take(top);
}
