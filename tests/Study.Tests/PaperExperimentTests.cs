using Engine.Training;

namespace Engine.Study.Tests;

/// <summary>The paper's experiments: whole they are its recipe, cut down they keep its proportions, and its figures stand beside one's own.</summary>
public class PaperExperimentTests
{
    [Fact]
    public void Whole_experiments_have_the_papers_recipe()
    {
        StudyOptions options = PaperExperiment.Of("table6", scale: 1).Options;
        Assert.Equal([20, 32, 44, 56, 110], options.Depths);
        Assert.Equal(
            (64_000L, 128, 0.1, "paper", true), (options.MaxSteps!.Value, options.BatchSize, options.LearningRate, options.Schedule, options.PerPixelMean));
        TrainingOptions[] training = [.. StudyPlan.Of(options).Select(p => p.Training)];
        Assert.All(training, t => Assert.Equal((0.9, 1e-4), (t.Momentum, t.WeightDecay)));
        Assert.Equal(["paper", "paper", "paper", "paper", "paper-warmup"], training.Select(t => t.Schedule));
    }

    [Fact]
    public void A_scaled_experiment_lowers_its_rate_at_the_half_and_at_three_quarters()
    {
        StudyOptions options = PaperExperiment.Of("figure6", scale: 0.01, depths: [20, 32]).Options;
        Assert.Equal((640L, "warmup-step"), (options.MaxSteps!.Value, options.Schedule));
        Assert.Equal(["plain20", "resnet20", "plain32", "resnet32"], StudyPlan.Of(options).Select(p => p.Name));
    }

    [Theory]
    [InlineData("table6", "resnet32", "7.51")]
    [InlineData("table2", "plain34", "28.54")]
    public void The_papers_figures_stand_beside_ones_own(string name, string network, string expected)
    {
        PaperExperiment experiment = PaperExperiment.Of(name, scale: 0.5);
        StudyRun run = RunOf(experiment, 0.2);
        (string[] header, List<string[]> rows) = experiment.Table(run);
        Assert.All(rows, row => Assert.Equal(header.Length, row.Length));
        Assert.Equal([network, "20.00", "25.00", expected], rows.Single(row => row[0] == network));
    }

    [Fact]
    public void Remarks_tell_whether_depth_helped()
    {
        PaperExperiment experiment = PaperExperiment.Of("figure6", scale: 0.5, depths: [20, 56]);
        StudyRun run = RunOf(experiment, 0.1, 0.3, 0.2, 0.05);
        string[] remarks = [.. experiment.Remarks(run)];
        Assert.Contains("plain: 56 layers end with a higher training error than 20 (20.00 % and 10.00 %); in the paper higher", remarks);
        Assert.Contains("residual: 56 layers end with a lower training error than 20 (5.00 % and 30.00 %); in the paper lower", remarks);
    }

    [Theory]
    [InlineData("figure9", 1, "there is no experiment 'figure9'")]
    [InlineData("figure6", 0, "the scale is 0")]
    [InlineData("figure6", 1.5, "the scale is 1.5")]
    public void What_does_not_exist_is_named(string name, double scale, string expected) =>
        Assert.Contains(expected, Assert.Throws<EngineException>(() => PaperExperiment.Of(name, scale)).Message);

    // A run whose networks ended with these training errors, and with a test error of a quarter.
    private static StudyRun RunOf(PaperExperiment experiment, params double[] errors)
    {
        IReadOnlyList<StudyPlan> plans = StudyPlan.Of(experiment.Options);
        StudyRun run = new(experiment.Options, plans.Select((plan, i) => plan.Describe(i, experiment.Options, plan.Make(experiment.Options, 3, 10), 100)));
        for (int i = 0; i < plans.Count; i++)
        {
            run.Add(new TrainMeasured(i, new CurvePoint(0, 1, errors[i % errors.Length])));
            run.Add(new TestMeasured(i, new CurvePoint(100, 1, 0.25)));
            run.Add(new StateChanged(i, StudyState.Finished, null));
        }

        return run;
    }
}
