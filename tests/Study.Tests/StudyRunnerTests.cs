using System.Text.Json;
using Engine.Data;
using Engine.Training;

namespace Engine.Study.Tests;

/// <summary>A whole small study: what it records, and that it does so alike however many networks train at once.</summary>
public class StudyRunnerTests
{
    private static readonly StudyOptions Small = new() { Depths = [8, 14], MaxSteps = 7, Every = 3, CurveInterval = 2, LearningRate = 0.05 };

    [Fact]
    public void Every_network_has_samples_curves_and_tests()
    {
        StudyRun run = Train(Small, concurrency: 2);
        Assert.True(run.IsCompleted);
        Assert.Equal(["plain8", "resnet8", "plain14", "resnet14"], run.Networks.Select(n => n.Info.Name));
        Assert.All(run.Networks, network =>
        {
            Assert.Equal(StudyState.Finished, network.State);
            Assert.Equal([0, 3, 6], network.Samples.Select(s => s.Step));
            Assert.Equal([0, 2, 4, 6], network.Train.Select(p => p.Step));
            Assert.Equal([7], network.Test.Select(p => p.Step));
            Assert.InRange(network.FinalTrainLoss, 0.1, 10);
            Assert.Equal(network.Info.Depth, network.Info.Layers[^1].Depth);
            Assert.All(network.Samples, sample => Assert.Equal(network.Info.Layers.Select(l => l.Name), sample.Layers.Select(l => l.Layer)));
            Assert.All(network.Samples, sample => Assert.Equal(network.Info.Blocks, sample.Blocks.Select(b => b.Block)));
        });
        Assert.All(run.Networks.SelectMany(n => n.Samples).SelectMany(s => s.Layers), layer =>
        {
            Assert.True(layer.WeightGradient > 0 && layer.ActivationGradient > 0 && layer.Deviation > 0 && layer.UpdateRatio > 0, $"{layer}");
            Assert.Equal(layer.Layer == "fc", layer.Dead is null);
            Assert.True(layer.Inactive is null or (> 0.05 and < 0.95), $"{layer}");
        });
    }

    [Fact]
    public void Only_residual_blocks_have_two_branches_which_both_carry_gradient()
    {
        StudyRun run = Train(Small, concurrency: 2);
        Assert.All(run.Networks.Where(n => n.Info.Kind == "plain"), n => Assert.All(n.Samples, s => Assert.Empty(s.Blocks)));
        foreach (StudyNetwork network in run.Networks.Where(n => n.Info.Kind == "residual"))
        {
            Assert.Equal((network.Info.Depth - 2) / 2, network.Info.Blocks.Count);
            Assert.All(network.Samples.SelectMany(s => s.Blocks), block =>
            {
                Assert.Equal(["shortcut", "residual"], block.Branches.Keys);
                Assert.All(block.Branches.Values, norm => Assert.True(norm > 0));
            });
        }
    }

    [Theory]
    [InlineData("batch")]
    [InlineData("group")]
    [InlineData("none")]
    public void Highways_have_a_third_branch_with_each_normalization(string norm)
    {
        StudyRun run = Train(Small with { Depths = [8], Kinds = ["highway"], Norm = norm, MaxSteps = 2, LearningRate = 1e-3 }, concurrency: 1);
        StudyNetwork highway = Assert.Single(run.Networks);
        Assert.Equal(StudyState.Finished, highway.State);
        Assert.Equal(["shortcut", "residual", "gate"], highway.Info.Branches);
        Assert.Equal(8, highway.Info.Layers.Count(layer => !layer.IsBeside));
        Assert.All(highway.Samples.SelectMany(s => s.Blocks), block => Assert.All(block.Branches.Values, gradient => Assert.True(gradient > 0)));
        Assert.All(highway.Samples.SelectMany(s => s.Layers), layer => Assert.True(layer.Deviation > 0 && layer.ActivationGradient > 0, $"{layer}"));
    }

    [Fact]
    public void Without_normalization_the_gradients_of_deep_networks_go_apart()
    {
        StudyRun run = Train(Small with { Depths = [32], MaxSteps = 1, UnnormalizedSteps = 1 }, concurrency: 2);
        StudyNetwork[] bare = [.. run.Networks.Where(n => n.Info.Norm == "none")];
        Assert.Equal(["plain32 without norm", "resnet32 without norm"], bare.Select(n => n.Info.Name));
        double[] ratios = [.. bare.Select(n => n.Samples[0].Layers[0].ActivationGradient / n.Samples[0].Layers[^1].ActivationGradient)];
        Assert.True(ratios[1] > 10 * ratios[0], $"first to last: plain {ratios[0]:E2}, residual {ratios[1]:E2}");
    }

    [Fact]
    public void Numbers_do_not_depend_on_how_many_networks_train_at_once()
    {
        StudyRun one = Train(Small, concurrency: 1), two = Train(Small, concurrency: 3);
        Assert.Equal(StudyJson.Write(one), StudyJson.Write(two));
    }

    [Fact]
    public void Measuring_leaves_the_training_as_it_is_but_for_rounding()
    {
        StudyRun often = Train(Small with { Every = 1 }, concurrency: 2), rarely = Train(Small with { Every = 100 }, concurrency: 2);
        foreach ((StudyNetwork a, StudyNetwork b) in often.Networks.Zip(rarely.Networks))
        {
            Assert.Equal(a.Train.Count, b.Train.Count);
            Assert.All(a.Train.Zip(b.Train), pair => Assert.Equal(pair.First.Loss, pair.Second.Loss, 0.01));
        }
    }

    [Fact]
    public void A_network_that_diverges_is_a_finding()
    {
        StudyRun run = Train(Small with { Depths = [8], LearningRate = 1e30 }, concurrency: 2);
        Assert.True(run.IsCompleted);
        Assert.All(run.Networks, network =>
        {
            Assert.Equal(StudyState.Diverged, network.State);
            Assert.Contains("diverged", network.Message);
            Assert.Equal(double.PositiveInfinity, network.FinalTrainLoss);
        });
    }

    [Fact]
    public void A_canceled_study_says_so_and_keeps_what_it_has()
    {
        using CancellationTokenSource stop = new();
        StudyRunner runner = new(Small with { MaxSteps = 40 }, DataSets.Open("digits"));
        using IDisposable following = runner.Run.Follow(_ => 0, happened =>
        {
            if (happened is FlowMeasured { Sample.Step: 3 })
            {
                stop.Cancel();
            }
        }, out _);
        Assert.False(runner.Train(() => new CpuDevice(1), 1, stop.Token));
        Assert.False(runner.Run.IsCompleted);
        Assert.All(runner.Run.Networks, network => Assert.Equal(StudyState.Canceled, network.State));
        Assert.Equal(2, runner.Run.Networks.Max(n => n.Samples.Count));
    }

    [Fact]
    public void A_device_that_cannot_be_opened_ends_the_study_and_leaves_no_network_waiting()
    {
        StudyRunner runner = new(Small, DataSets.Open("digits"));
        List<StudyEvent> events = [];
        using IDisposable following = runner.Run.Follow(_ => 0, events.Add, out _);
        EngineException error = Assert.Throws<EngineException>(() => runner.Train(() => throw new EngineException("no such device"), 1));
        Assert.Equal("no such device", error.Message);
        Assert.All(runner.Run.Networks, network => Assert.Equal(StudyState.Canceled, network.State));
        Assert.Equal(new StudyEnded(false), events[^1]);
    }

    [Fact]
    public void A_gamma_that_starts_at_zero_is_for_the_networks_that_have_one()
    {
        StudyRunner runner = new(Small with { Depths = [8], Initialization = "zero-residual", UnnormalizedSteps = 1 }, DataSets.Open("digits"));
        Assert.Equal(["zero-residual", "zero-residual", "kaiming", "kaiming"], runner.Run.Networks.Select(n => n.Info.Initialization));
        EngineException error = Assert.Throws<EngineException>((Small with { Initialization = "zero-residual", Norm = "none" }).Check);
        Assert.Contains("another one without normalization layers", error.Message);
    }

    [Fact]
    public void A_set_without_images_to_train_on_is_named()
    {
        ImageDataset digits = DataSets.Open("digits");
        ImageDataset empty = digits with { Train = new ImageSubset(digits.Train, []) };
        Assert.Contains("'digits' has no images to train on", Assert.Throws<EngineException>(() => new StudyRunner(Small, empty)).Message);
    }

    [Theory]
    [InlineData(0.0, 0.0, "the gradients of plain8 without norm are zero or beyond single precision")]
    [InlineData(double.PositiveInfinity, 1.0, "the gradients of plain8 without norm are zero or beyond single precision")]
    [InlineData(0.0, 2.0, "is 0 of that at the last in the plain network and 1 in the residual one")]
    [InlineData(0.5, 2.0, "is 0.25 of that at the last in the plain network and 1 in the residual one: 4 times as much")]
    public void Findings_are_sentences_also_where_a_gradient_is_lost(double first, double last, string expected)
    {
        StudyRun run = new StudyRunner(Small with { Depths = [8], UnnormalizedSteps = 1 }, DataSets.Open("digits")).Run;
        foreach ((int index, double atFirst, double atLast) in new[] { (2, first, last), (3, 1, 1) })
        {
            // Behind the last convolution is the classifier.
            int layers = run.Networks[index].Info.Layers.Count;
            LayerStatistics Layer(int i) => new($"{i}", 1, i == 0 ? atFirst : i == layers - 2 ? atLast : 1, 1, 1, 1, null, null);
            run.Add(new FlowMeasured(index, new FlowSample(0, [.. Enumerable.Range(0, layers).Select(Layer)], [])));
        }

        Assert.EndsWith(expected, Assert.Single(StudyFindings.Of(run)).Replace(" from the start", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void A_snapshot_and_the_events_after_it_make_up_the_whole_run()
    {
        StudyRunner runner = new(Small with { Depths = [8] }, DataSets.Open("digits"));
        List<string> lines = [];
        using IDisposable following = runner.Run.Follow(StudyJson.Write, happened => lines.Add(StudyJson.Write(happened)), out string snapshot);
        runner.Train(() => new CpuDevice(1), 2);
        using JsonDocument before = JsonDocument.Parse(snapshot), after = JsonDocument.Parse(StudyJson.Write(runner.Run));
        Assert.Equal(JsonValueKind.Null, before.RootElement.GetProperty("completed").ValueKind);
        Assert.All(before.RootElement.GetProperty("networks").EnumerateArray(), n => Assert.Equal(0, n.GetProperty("samples").GetArrayLength()));
        foreach (JsonElement network in after.RootElement.GetProperty("networks").EnumerateArray())
        {
            int index = network.GetProperty("index").GetInt32();
            foreach ((string kind, string list) in new[] { ("sample", "samples"), ("train", "train"), ("test", "test") })
            {
                string[] expected = [.. network.GetProperty(list).EnumerateArray().Select(e => e.GetRawText())];
                string start = $"{{\"event\":\"{kind}\",\"network\":{index},";
                Assert.Equal(expected, lines.Where(l => l.StartsWith(start, StringComparison.Ordinal)).Select(l => $"{{{l[start.Length..]}"));
            }
        }

        Assert.Equal("{\"event\":\"end\",\"completed\":true}", lines[^1]);
    }

    [Fact]
    public void Csv_and_json_have_the_same_numbers()
    {
        StudyRun run = Train(Small with { Depths = [8] }, concurrency: 2);
        using JsonDocument json = JsonDocument.Parse(StudyJson.Write(run));
        JsonElement resnet = json.RootElement.GetProperty("networks")[1];
        string[][] rows = Rows(StudyCsv.Layers(run));
        string[] header = rows[0];
        string[][] mine = [.. rows.Where(r => r[0] == "resnet8" && r[1] == "3")];
        foreach (string column in StudyStatistic.All.Select(s => s.Name))
        {
            string[] expected = [.. resnet.GetProperty("samples")[1].GetProperty(column).EnumerateArray().Select(
                e => e.ValueKind == JsonValueKind.Null ? "" : e.GetRawText())];
            Assert.Equal(expected, mine.Select(r => r[Array.IndexOf(header, column)]));
        }

        Assert.Equal(2 * (4 + 1) + 1, Rows(StudyCsv.Curves(run)).Length);
        Assert.Equal((3 * 3 * 2) + 1, Rows(StudyCsv.Branches(run)).Length);
        Assert.All(Rows(StudyCsv.Branches(run))[1..], r => Assert.Equal("resnet8", r[0]));
    }

    [Theory]
    [InlineData("depths", "6n + 2")]
    [InlineData("kinds", "one of plain, residual, highway")]
    [InlineData("norm", "one of batch")]
    [InlineData("init", "one of kaiming")]
    public void Options_that_do_not_exist_are_named(string which, string expected)
    {
        StudyOptions wrong = which switch
        {
            "depths" => Small with { Depths = [9] },
            "kinds" => Small with { Kinds = ["dense"] },
            "norm" => Small with { Norm = "layer" },
            _ => Small with { Initialization = "zeros" },
        };
        Assert.Contains(expected, Assert.Throws<EngineException>(wrong.Check).Message);
    }

    private static StudyRun Train(StudyOptions options, int concurrency)
    {
        StudyRunner runner = new(options, DataSets.Open("digits"));
        runner.Train(() => new CpuDevice(1), concurrency);
        return runner.Run;
    }

    private static string[][] Rows(string csv) => [.. csv.TrimEnd('\n').Split('\n').Select(line => line.Split(','))];
}
