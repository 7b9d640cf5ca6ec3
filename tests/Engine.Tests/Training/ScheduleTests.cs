using Engine.Training;

namespace Engine.Tests.Training;

/// <summary>The numbers are PyTorch 1.13's schedulers', stepped once an update.</summary>
public sealed class ScheduleTests
{
    [Fact]
    public void Cosine_is_CosineAnnealingLR() => AssertRates(
        new CosineSchedule(0.2, 8),
        [0.2, 0.19238795325112867, 0.17071067811865476, 0.138268343236509, 0.1, 0.06173165676349103, 0.029289321881345254, 0.007612046748871327, 0, 0]);

    [Fact]
    public void Step_is_MultiStepLR() => AssertRates(new StepSchedule(0.1, [6, 3]), [0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001]);

    [Fact]
    public void Warm_up_is_LinearLR_and_then_the_other_schedule_from_its_start() =>
        AssertRates(new LinearWarmUpSchedule(3, new StepSchedule(0.1, [2])), [0.1 / 3, 0.2 / 3, 0.1, 0.1, 0.1, 0.01, 0.01]);

    [Fact]
    public void Plateau_is_ReduceLROnPlateau()
    {
        double[] errors = [0.9, 0.8, 0.80005, 0.79999, 0.81, 0.7, 0.7, 0.7, 0.71, 0.72, 0.6, 0.6, 0.6, 0.6];
        double[] rates = [0.1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01, 0.001, 0.001, 0.001, 0.001, 0.001];
        PlateauSchedule schedule = new(0.1, factor: 0.1, patience: 2);
        for (int i = 0; i < errors.Length; i++)
        {
            Assert.Equal(rates[i], schedule.RateAt(i), 1e-15);
            schedule.ObserveEpoch(errors[i]);
            PlateauSchedule resumed = new(0.1, factor: 0.1, patience: 2);
            CopyState(schedule, resumed);
            schedule = resumed;
        }
    }

    [Fact]
    public void The_papers_rates_fall_at_32k_and_48k()
    {
        LearningRateSchedule schedule = LearningRateSchedule.Create("paper", new ScheduleContext(0.1, 64_000));
        Assert.Equal([0.1, 0.1, 0.01, 0.01, 0.001], new long[] { 0, 31_999, 32_000, 47_999, 48_000 }.Select(s => Math.Round(schedule.RateAt(s), 12)));
    }

    [Fact]
    public void A_warmed_up_step_schedule_falls_at_the_half_and_at_three_quarters_of_the_whole_run()
    {
        LearningRateSchedule schedule = LearningRateSchedule.Create("warmup-step", new ScheduleContext(0.1, 200));
        Assert.Equal(
            [0.01, 0.05, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001],
            new long[] { 0, 4, 9, 10, 99, 100, 149, 150, 199 }.Select(s => Math.Round(schedule.RateAt(s), 12)));
    }

    [Fact]
    public void The_papers_warm_up_lasts_until_the_training_error_is_below_80_percent()
    {
        LearningRateSchedule schedule = LearningRateSchedule.Create("paper-warmup", new ScheduleContext(0.1, 64_000));
        int steps = 0;
        while (schedule.RateAt(steps) < 0.05)
        {
            Assert.Equal(0.01, schedule.RateAt(steps), 1e-15);
            schedule.ObserveStep(steps < 100 ? 0.9 : 0.5);
            steps++;
            LearningRateSchedule resumed = LearningRateSchedule.Create("paper-warmup", new ScheduleContext(0.1, 64_000));
            CopyState(schedule, resumed);
            schedule = resumed;
        }

        Assert.InRange(steps, 101, 130);
        schedule.ObserveStep(1);
        Assert.Equal(0.1, schedule.RateAt(steps));
        Assert.Equal(0.01, schedule.RateAt(32_000), 1e-15);
    }

    [Fact]
    public void Every_name_makes_a_schedule_that_starts_above_zero_and_never_exceeds_the_rate()
    {
        foreach (string name in LearningRateSchedule.Names)
        {
            LearningRateSchedule schedule = LearningRateSchedule.Create(name, new ScheduleContext(0.3, 100));
            Assert.True(schedule.RateAt(0) > 0, name);
            Assert.All(Enumerable.Range(0, 120), step => Assert.InRange(schedule.RateAt(step), 0, 0.3));
        }
    }

    [Fact]
    public void An_unknown_name_lists_those_that_exist()
    {
        EngineException error = Assert.Throws<EngineException>(() => LearningRateSchedule.Create("linear", new ScheduleContext(0.1, 10)));
        Assert.Contains("'linear'", error.Message);
        Assert.All(LearningRateSchedule.Names, name => Assert.Contains(name, error.Message));
    }

    [Theory]
    [InlineData(0, 10)]
    [InlineData(double.NaN, 10)]
    [InlineData(0.1, 0)]
    public void A_rate_or_a_length_out_of_range_is_refused(double rate, long steps) =>
        Assert.Throws<EngineException>(() => LearningRateSchedule.Create("cosine", new ScheduleContext(rate, steps)));

    private static void AssertRates(LearningRateSchedule schedule, double[] expected)
    {
        for (int step = 0; step < expected.Length; step++)
        {
            Assert.Equal(expected[step], schedule.RateAt(step), 1e-15);
        }
    }

    private static void CopyState(LearningRateSchedule from, LearningRateSchedule to)
    {
        Dictionary<string, double> state = [];
        from.SaveState(state);
        to.LoadState(state);
    }
}
