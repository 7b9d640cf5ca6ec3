using Engine.Layers;
using Engine.Training;

namespace Engine.Tests.Training;

public class CallbackTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_watched_step_is_told_in_order_and_others_are_not(int microBatches)
    {
        using ReferenceDevice device = new();
        Module model = TinySet.Network();
        Recorder recorder = new(model);
        TrainingOptions options = new() { Epochs = 2, BatchSize = 16, MicroBatches = microBatches, LearningRate = 0.1 };
        using (Trainer trainer = new(model, TinySet.Make(), device, options))
        {
            trainer.Callbacks.Add(recorder);
            trainer.Run();
        }

        // 48 images are three steps an epoch; every other one is watched. Reports come for all.
        Assert.Equal(
            ["forward 0", "backward 0", "step 0", "forward 2", "backward 2", "step 2", "epoch 1", "forward 4", "backward 4", "step 4", "epoch 2", "end"],
            recorder.Lines.Where(line => !line.StartsWith("report", StringComparison.Ordinal)));
        Assert.Equal(Enumerable.Range(1, 6).Select(i => $"report {i}"), recorder.Lines.Where(line => line.StartsWith("report", StringComparison.Ordinal)));
        Assert.All(recorder.Moved, Assert.True);
        Assert.Equal(3, recorder.Moved.Count);
        Assert.All(recorder.HadGradients, Assert.True);
    }

    [Fact]
    public void A_run_that_is_stopped_or_fails_is_told_too()
    {
        using ReferenceDevice device = new();
        Module model = TinySet.Network();
        Recorder recorder = new(model);
        using CancellationTokenSource source = new();
        source.Cancel();
        using Trainer trainer = new(model, TinySet.Make(), device, new TrainingOptions { BatchSize = 16 });
        trainer.Callbacks.Add(recorder);
        Assert.False(trainer.Run(source.Token).IsCompleted);
        Assert.Equal("end", recorder.Lines[^1]);
        recorder.Fails = true;
        Assert.Throws<InvalidOperationException>(() => trainer.Run());
        Assert.Equal("end", recorder.Lines[^1]);
    }

    private sealed class Recorder(Module model) : TrainingCallback
    {
        private double[] _before = [];

        public List<string> Lines { get; } = [];

        public List<bool> Moved { get; } = [];

        public List<bool> HadGradients { get; } = [];

        public bool Fails { get; set; }

        public override bool Watches(long step) => step % 2 == 0;

        public override void BeforeForward(long step)
        {
            Lines.Add($"forward {step}");
            _before = Weights();
        }

        public override void AfterBackward(long step)
        {
            Lines.Add($"backward {step}");
            HadGradients.Add(model.Parameters.All(p => p.Parameter.Value.HasGradient) && Weights().SequenceEqual(_before));
            if (Fails)
            {
                throw new InvalidOperationException();
            }
        }

        public override void AfterStep(long step)
        {
            Lines.Add($"step {step}");
            Moved.Add(!Weights().SequenceEqual(_before));
        }

        public override void StepEnded(StepReport report) => Lines.Add($"report {report.GlobalStep}");

        public override void EpochEnded(EpochReport report) => Lines.Add($"epoch {report.Epoch}");

        public override void RunEnded() => Lines.Add("end");

        private double[] Weights() => [.. model.Parameters.SelectMany(p => p.Parameter.Value.ToArray<double>())];
    }
}
