using System.Text.Json;
using Engine;
using Engine.Formats;
using Engine.Tables;
using Engine.Training;

namespace Cli.Tests;

/// <summary>The commands on tables, from the header of a CSV file to named classes and values.</summary>
public sealed class TableTests : IDisposable
{
    private static readonly string[] Device = ["--device", "cpu", "--threads", "1"];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Iris_is_learned_evaluated_and_predicted_with_named_classes()
    {
        EngineRun trained = await TrainAsync("iris", "species");
        Assert.Equal("note: the target 'species' is taken for classes, as it is text\n", trained.Error);
        Assert.Contains("mlp (4,675 parameters) on iris.csv (120 training rows, 30 test rows, 4 features, 3 classes), 100 epochs of 3 steps", trained.Output);
        Assert.Matches(@"epoch 100/100  loss 0\.\d{4}  train \d+\.\d %  test \d+\.\d\d % \(\d\d/30\)  \d\.\d s  [\d,]+ rows/s", trained.Output);
        Assert.Equal(20, trained.Lines.Count(l => l.StartsWith("epoch ", StringComparison.Ordinal)));
        EngineRun held = await RunAsync("eval", "--weights", _folder["iris"], "--json");
        JsonElement result = held.Json.Single();
        Assert.InRange(result.GetProperty("correct").GetInt32(), 28, 30);
        Assert.Equal((30, 30), (result.GetProperty("total").GetInt32(), result.GetProperty("rows").GetInt32()));
        Assert.Equal("table:iris.csv", result.GetProperty("data").GetString());
        EngineRun all = await RunAsync("eval", "--weights", _folder["iris"], "--data", $"table:{Set("iris")}");
        Assert.Matches(@"\nmlp on all 150 rows of iris\.csv: 9\d\.\d\d % \(14\d of 150\), loss 0\.\d{4}\n$", all.Output);
        File.WriteAllText(_folder["new.csv"], "note;petal_width;petal_length;sepal_width;sepal_length\na;0.2;1.4;3.5;5.1\nb;2.3;5.9;3.2;6.8\n");
        EngineRun predicted = await RunAsync("predict", "--weights", _folder["iris"], _folder["new.csv"], "--top", "1");
        Assert.Matches(@"\nline 2: setosa 9\d\.\d\d %\nline 3: virginica 9\d\.\d\d %\n$", predicted.Output);
    }

    [Fact]
    public async Task Values_are_told_as_R2_and_RMSE_and_predicted_in_their_own_units()
    {
        EngineRun trained = await TrainAsync("diabetes", "progression", "--epochs", "20");
        Assert.Matches(@"epoch 20/20  loss 0\.\d{4}  test R2 0\.\d{4}, RMSE \d\d\.\d+  \d\.\d s  [\d,]+ rows/s", trained.Output);
        Assert.DoesNotContain("train ", trained.Lines[^8]);
        Assert.Contains("final result", trained.Output);
        Assert.Matches(@"best result +│ R2 0\.\d{4}, RMSE \d\d\.\d+ in epoch \d+", trained.Output);
        EngineRun json = await TrainAsync("diabetes", "progression", "--epochs", "20", "--overwrite", "--ema", "0.9", "--json");
        JsonElement epoch = json.Json[^2], end = json.Json[^1];
        Assert.InRange(end.GetProperty("r2").GetDouble(), 0.35, 0.7);
        Assert.InRange(end.GetProperty("rmse").GetDouble(), 40, 70);
        Assert.Equal(end.GetProperty("r2").GetDouble(), epoch.GetProperty("r2").GetDouble());
        Assert.All((string[])["correct", "total", "best_correct", "train_accuracy", "ema_correct"], name =>
            Assert.False(end.TryGetProperty(name, out _) || epoch.TryGetProperty(name, out _), name));
        JsonElement held = (await RunAsync("eval", "--weights", _folder["diabetes"], "--json")).Json.Single();
        Assert.Equal(end.GetProperty("r2").GetDouble(), held.GetProperty("r2").GetDouble(), 6);
        EngineRun predicted = await RunAsync("predict", "--weights", _folder["diabetes"], Set("diabetes"), "--json");
        Assert.Equal(442, predicted.Lines.Length);
        Assert.InRange(predicted.Json.Average(l => l.GetProperty("values").GetProperty("progression").GetDouble()), 130, 170);
    }

    [Fact]
    public async Task Event_files_of_values_have_R2_and_no_accuracy()
    {
        await TrainAsync("diabetes", "progression", "--epochs", "2");
        string[] tags = [.. Engine.Study.Tests.EventFileReader.Read(Directory.GetFiles(_folder["diabetes"], "events.*").Single())
            .Entries.Select(e => e.Tag).Distinct()];
        Assert.Contains("epoch/test_r2", tags);
        Assert.Contains("epoch/rows_per_second", tags);
        Assert.DoesNotContain(tags, t => t.Contains("accuracy", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Several_labels_are_learned_and_predicted_each_by_itself()
    {
        string rows = string.Concat(Enumerable.Range(0, 200).Select(
            i => $"{i % 20 / 20.0},{i % 7 / 7.0},{(i % 20 > 9 ? 1 : 0)},{(i % 7 > 3 ? "yes" : "no")}\n"));
        File.WriteAllText(_folder["labels.csv"], "a,b,high,late\n" + rows);
        EngineRun trained = await RunAsync("train", "--data", $"table:{_folder["labels.csv"]}", "--target", "high,late", "--out", _folder["labels"]);
        Assert.Contains("the targets 'high', 'late' are taken for labels", trained.Error);
        Assert.Matches(@"final accuracy │ \d+\.\d\d % \(\d\d of 80\)", trained.Output);
        File.WriteAllText(_folder["new.csv"], "a,b\n0.9,0\n0,0.9\n");
        JsonElement[] lines = (await RunAsync("predict", "--weights", _folder["labels"], _folder["new.csv"], "--json")).Json;
        Assert.Equal(["high"], lines[0].GetProperty("labels").EnumerateArray().Select(l => l.GetString()));
        Assert.Equal(["late"], lines[1].GetProperty("labels").EnumerateArray().Select(l => l.GetString()));
        Assert.Matches(@"\nline 2: high yes \(\d+\.\d\d %\), late no", (await RunAsync("predict", "--weights", _folder["labels"], _folder["new.csv"])).Output);
    }

    [Fact]
    public async Task A_run_that_is_resumed_ends_with_the_very_weights_of_one_that_was_not_interrupted()
    {
        string[] options = ["--epochs", "4", "--dropout", "0.2", "--hidden", "16", "--validation", "20", "--fill", "mean", "--seed", "3"];
        await TrainAsync("iris", "species", options);
        byte[] whole = File.ReadAllBytes(_folder["iris/weights.safetensors"]);
        using CancellationTokenSource stop = new();
        await stop.CancelAsync();
        EngineRun interrupted = await EngineRun.InProcessAsync(
            ["train", "--data", $"table:{Set("iris")}", "--target", "species", .. options, "--out", _folder["stopped"], .. Device], stop.Token);
        Assert.Equal(130, interrupted.ExitCode);
        EngineRun resumed = await RunAsync("train", "--resume", _folder["stopped"]);
        Assert.Contains("100 training rows, 20 validation rows", resumed.Output);
        Assert.Equal(whole, File.ReadAllBytes(_folder["stopped/weights.safetensors"]));
    }

    [Fact]
    public async Task A_run_keeps_its_choices_and_its_weights_carry_the_encoding_but_no_place()
    {
        File.Copy(Set("iris"), _folder["iris.csv"]);
        File.Copy(Set("iris"), _folder["held.csv"]);
        EngineRun run = await RunAsync(
            "train", "--data", $"table:{_folder["iris.csv"]}", "--target", "species", "--leave-out", "petal_width", "--test-data", _folder["held.csv"],
            "--out", _folder["run"], "--epochs", "1");
        Assert.Contains("150 training rows, 150 test rows, 3 features", run.Output);
        using (TensorFile weights = TensorFile.Open(_folder["run/weights.safetensors"]))
        {
            Assert.Equal(["sepal_length", "sepal_width", "petal_length"], TableEncoding.Read(weights.Metadata)!.FeatureNames);
            Assert.Equal(["setosa", "versicolor", "virginica"], SampleDescription.Read(weights.Metadata)!.Targets);
            Assert.All(weights.Metadata.Values, text => Assert.DoesNotContain(_folder.Path, text));
            Assert.Contains("\"test_data\":\"held.csv\"", weights.Metadata["options"]);
        }

        (await RunAsync(["train", "--resume", _folder["run"], "--epochs", "2", "--hidden", "8"], expected: 1)).AssertFails(1, "was made with other options");
        File.Move(_folder["iris.csv"], _folder["away.csv"]);
        (await RunAsync(["train", "--resume", _folder["run"], "--epochs", "2"], expected: 1))
            .AssertFails(1, "was trained on the table", "give --data table:FILE");
        (await RunAsync(["eval", "--weights", _folder["run"]], expected: 2)).AssertFails(2, "was trained on the table 'iris.csv', which was not found");
        File.Move(_folder["away.csv"], _folder["iris.csv"]);
        File.AppendAllText(_folder["iris.csv"], "1,2,3,4,setosa\n");
        (await RunAsync(["train", "--resume", _folder["run"], "--epochs", "2"], expected: 1)).AssertFails(1, "the training samples have changed");
    }

    [Fact]
    public async Task Rows_that_cannot_be_used_are_named_by_line_and_the_others_predicted()
    {
        await TrainAsync("iris", "species", "--epochs", "1");
        string header = "sepal_length,sepal_width,petal_length,petal_width\n";
        File.WriteAllText(_folder["new.csv"], header + "5.1,3.5,1.4,0.2\n5.1,x,1.4,0.2\n5.1,,1.4,0.2\n5.1,3.5,1.4,0.2\n");
        EngineRun run = await RunAsync(["predict", "--weights", _folder["iris"], _folder["new.csv"], "--json"], expected: 1);
        Assert.Equal([2, 3, 4, 5], run.Json.Select(l => l.GetProperty("line").GetInt32()));
        Assert.Contains("error: 'new.csv', line 3, column 'sepal_width': 'x' is no number", run.Error);
        Assert.Contains("error: 'new.csv', line 4, column 'sepal_width': the value is missing", run.Error);
        (await RunAsync(["predict", "--weights", _folder["iris"], _folder["new.csv"], "--out", _folder["out.csv"]], expected: 1)).AssertFails(1, "line 3");
        Assert.False(File.Exists(_folder["out.csv"]));
        File.WriteAllText(_folder["other.csv"], "a,b\n1,2\n");
        (await RunAsync(["predict", "--weights", _folder["iris"], _folder["other.csv"]], expected: 1))
            .AssertFails(1, "'other.csv' has no column 'sepal_length'");
    }

    [Fact]
    public async Task Predictions_are_written_as_further_columns_of_the_table()
    {
        await TrainAsync("iris", "species", "--epochs", "40");
        File.WriteAllText(
            _folder["new.csv"], "\"a \"\"name\"\"\";sepal_length;sepal_width;petal_length;petal_width\n\"x;y\";5.1;3.5;1.4;0.2\n;6.8;3.2;5.9;2.3\n");
        EngineRun run = await RunAsync("predict", "--weights", _folder["iris"], _folder["new.csv"], "--out", _folder["out.csv"]);
        Assert.EndsWith($"\n2 rows of new.csv with 4 more columns in {_folder["out.csv"]}\n", run.Output);
        string[] lines = File.ReadAllLines(_folder["out.csv"]);
        Assert.Equal(
            "\"a \"\"name\"\"\";sepal_length;sepal_width;petal_length;petal_width;predicted_species;probability_setosa;probability_versicolor;"
                + "probability_virginica", lines[0]);
        Assert.StartsWith("\"x;y\";5.1;3.5;1.4;0.2;setosa;0.", lines[1]);
        Table written = Table.Open(_folder["out.csv"]);
        Assert.Equal("virginica", written[1, written.ColumnOf("predicted_species")].ToString());
        (await RunAsync(["predict", "--weights", _folder["iris"], _folder["out.csv"], "--out", _folder["more.csv"]], expected: 1))
            .AssertFails(1, "has a column 'predicted_species' already");
        (await RunAsync(["predict", "--weights", _folder["iris"], _folder["new.csv"], "--out", _folder["new.csv"]], expected: 2))
            .AssertFails(2, "--out is the table itself");
        (await RunAsync(["predict", "--weights", _folder["iris"], _folder["new.csv"], "--labels", "x"], expected: 2)).AssertFails(2, "--labels is for images");
        (await RunAsync(["eval", "--weights", _folder["iris"], "--data", "digits"], expected: 2)).AssertFails(2, "was trained on a table");
    }

    [Theory]
    [InlineData("--data table:none.csv --target y", "there is no table 'none.csv'; expected table:FILE.csv")]
    [InlineData("--data table:IRIS", "--target is missing", "sepal_length, sepal_width, petal_length, petal_width, species")]
    [InlineData("--data table:IRIS --target specis", "'iris.csv' has no column 'specis'; did you mean 'species'?")]
    [InlineData("--data table:IRIS --target species --leave-out petal_lenght", "has no column 'petal_lenght'; did you mean 'petal_length'?")]
    [InlineData("--data table:IRIS --target species --fill men", "--fill is 'men'", "did you mean 'mean'?")]
    [InlineData("--data table:IRIS --target species --fill petal=mean", "has no column 'petal'; did you mean 'petal_length'?")]
    [InlineData("--data table:IRIS --target species --task regresion", "--task is 'regresion'", "did you mean 'regression'?")]
    [InlineData("--data table:IRIS --target species --hidden 64,x", "--hidden is '64,x'", "sizes from 1 to 65536")]
    [InlineData("--data table:IRIS --target species --test-share 0", "--test-share is 0", "above 0 and at most 0.9")]
    [InlineData("--data table:IRIS --target species --test-data none.csv", "--test-data is 'none.csv', but there is no such file")]
    [InlineData("--data table:IRIS --target species --test-data IRIS --split-seed 1", "--test-data cannot be combined with")]
    [InlineData("--data table:IRIS --target species --model resnet20", "--model is for images, but the data is a table")]
    [InlineData("--data table:IRIS --target species --augment off", "--augment is for images")]
    [InlineData("--data table:IRIS --target species --data-dir x", "--data-dir cannot be combined with a table")]
    [InlineData("--data table:IRIS --target petal_width --label-smoothing 0.1", "--label-smoothing is for classes")]
    [InlineData("--data digits --target species", "--target is for tables (--data table:FILE), but the data set is digits")]
    [InlineData("--hidden 3", "--hidden is for tables")]
    public async Task A_wrong_command_line_for_a_table_is_one_line_and_exit_code_2(string line, params string[] parts)
    {
        string[] words = [.. line.Split(' ').Select(w => w.Replace("IRIS", Set("iris"), StringComparison.Ordinal))];
        (await EngineRun.InProcessAsync(["train", .. words, "--out", _folder["run"], .. Device])).AssertFails(2, parts);
        Assert.False(Directory.Exists(_folder["run"]));
    }

    [Fact]
    public async Task A_table_with_a_missing_value_is_refused_by_line_until_it_is_filled()
    {
        File.WriteAllText(_folder["t.csv"], "n,c,y\n1,a,no\n,b,yes\n3,a,no\n4,b,yes\n5,,no\n6,b,yes\n");
        string[] line = ["train", "--data", $"table:{_folder["t.csv"]}", "--target", "y", "--out", _folder["t"], "--epochs", "1", "--test-share", "0.34"];
        (await RunAsync([.. line], expected: 1)).AssertFails(1, "'t.csv', line 3, column 'n': the value is missing", "(--fill)");
        Assert.Contains("4 features, 2 classes", (await RunAsync([.. line, "--fill", "mean,c=missing"], expected: 0)).Output, StringComparison.Ordinal);
    }

    private static string Set(string name) => Path.Combine(AppContext.BaseDirectory, "tables", $"{name}.csv");

    private Task<EngineRun> TrainAsync(string set, string target, params string[] options) =>
        RunAsync(["train", "--data", $"table:{Set(set)}", "--target", target, "--out", _folder[set], .. options]);

    private static Task<EngineRun> RunAsync(params string[] words) => RunAsync(words, expected: 0);

    private static async Task<EngineRun> RunAsync(string[] words, int expected)
    {
        EngineRun run = await EngineRun.InProcessAsync([.. words, .. Device]);
        Assert.True(run.ExitCode == expected, $"exit code {run.ExitCode}: {run.Error}");
        return run;
    }
}
