using System.Globalization;
using System.Reflection;
using Engine.Data;
using Engine.Models;
using Engine.Training;

namespace Engine.Examples.Tests;

/// <summary>Runs the examples as they are; Embed and Kernel are run by the tests of what they show.</summary>
public sealed class ExampleTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("engine-examples-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void No_example_has_more_than_40_lines() =>
        Assert.All(
            Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "examples"), "*.cs", SearchOption.AllDirectories), path =>
                Assert.InRange(File.ReadAllLines(path).Length, 1, 40));

    [Fact]
    public void The_training_loop_learns_digits()
    {
        string[] lines = Run("TrainingLoop", "2");
        Assert.Equal(2, lines.Length);
        Assert.StartsWith("epoch 2: the last batch's loss is ", lines[1]);
        Assert.InRange(double.Parse(lines[1].Split(' ')[^1]), 0, 1.5);
    }

    [Fact]
    public void A_table_is_learned_from_its_header_to_its_classes()
    {
        string[] lines = Run("Tabular", Path.Combine(AppContext.BaseDirectory, "iris.csv"), "species");
        Assert.Matches(@"^\d+ of 30 held-out rows right$", lines[0]);
        Assert.InRange(int.Parse(lines[0].Split(' ')[0]), 27, 30);
        Assert.Equal(4, lines.Length);
        Assert.Matches(@"^setosa: setosa with \d+ ?%$", lines[1]);
    }

    [Fact]
    public void An_operation_of_ones_own_has_the_right_gradient()
    {
        string[] lines = Run("Operation");
        Assert.Equal("the gradient of the sum of squares of [-1, 2, 3] is [-2, 4, 6]", lines[0]);
        Assert.Equal("the backward agrees with central differences", lines[1]);
    }

    [Fact]
    public void Saved_weights_predict_and_are_tuned_further()
    {
        string run = Train();
        string[] predictions = Run("Predict", run);
        Assert.Equal(10, predictions.Length);
        Assert.Matches(@"^image 9: \d with \d+ ?%$", predictions[9]);
        string tuned = Assert.Single(Run("FineTune", run));
        Assert.Matches(@"^epoch 1: \d+ of 360 held-out images right$", tuned);
        Assert.InRange(int.Parse(tuned.Split(' ')[2]), 100, 360);
    }

    [Fact]
    public void A_series_is_forecast_as_well_as_its_noise_allows()
    {
        // The noise of a single step has a deviation of 3.
        string[] words = Assert.Single(Run("Forecast")).Split(' ');
        Assert.InRange(double.Parse(words[2], CultureInfo.InvariantCulture), 2.9, 3.4);
        Assert.InRange(double.Parse(words[^1], CultureInfo.InvariantCulture), 7, 9);
    }

    private static string[] Run(string example, params string[] arguments)
    {
        TextWriter console = Console.Out;
        using StringWriter output = new();
        Console.SetOut(output);
        try
        {
            Assembly.Load(example).EntryPoint!.Invoke(null, [arguments]);
        }
        finally
        {
            Console.SetOut(console);
        }

        return [.. output.ToString().TrimEnd().Split('\n').Select(line => line.Trim())];
    }

    // What engine train --model resnet8 --epochs 1 --out RUN leaves.
    private string Train()
    {
        using CpuDevice device = new();
        using Network model = Networks.Create("resnet8", channels: 1, classes: 10);
        TrainingOptions options = new() { Epochs = 1, BatchSize = 32 };
        using (RunFolder folder = RunFolder.Create(Path.Combine(_folder, "run"), new RunManifest { Model = "resnet8", Training = options }))
        using (Trainer trainer = new(model, ImageDataset.Open("digits"), device, options, folder))
        {
            trainer.Run();
        }

        return Path.Combine(_folder, "run");
    }
}
