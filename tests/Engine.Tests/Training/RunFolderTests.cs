using Engine.Formats;
using Engine.Layers;
using Engine.Tests.Formats;
using Engine.Training;

namespace Engine.Tests.Training;

public sealed class RunFolderTests : IDisposable
{
    private static readonly TrainingOptions Options = new() { Epochs = 1, BatchSize = 16 };
    private static readonly RunManifest Run = new() { Model = "tiny", Data = "stripes", Training = Options };
    private readonly TemporaryFolder _folder = new();
    private readonly ReferenceDevice _device = new();

    public void Dispose()
    {
        _folder.Dispose();
        _device.Dispose();
    }

    [Fact]
    public void A_finished_run_leaves_options_metrics_weights_and_a_checkpoint_and_nothing_else()
    {
        RunFolder folder = Train("run", Options, TinySet.Network());
        Assert.Equal(
            ["checkpoint.safetensors", "metrics.jsonl", "options.json", "weights.safetensors"],
            Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order());
        Assert.Matches("""^\{"event":"epoch","epoch":1,.*"train_loss":[0-9.]+,.*"correct":[0-9]+,"total":20,.*"seconds":.*"images_per_second":""", File.ReadAllText(folder.MetricsPath));

        Module loaded = TinySet.Network().To(_device, seed: 9);
        StateDictionary.Load(loaded, folder.WeightsPath);
        using SafetensorsFile file = SafetensorsFile.Open(folder.WeightsPath);
        Assert.Equal(loaded.Named().Select(n => n.Name), file.Entries.Select(e => e.Name));
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal(Options, RunManifest.FromJson(file.Metadata["options"], file.Path).Training);
    }

    [Fact]
    public void A_runs_first_checkpoint_removes_an_older_ones_files_and_nothing_before_it_does()
    {
        RunFolder old = Train("run", Options, TinySet.Network());
        byte[] weights = File.ReadAllBytes(old.WeightsPath);
        Assert.Equal(
            $"'{old.Path}' holds a finished run of 1 epoch: open it to go on with it, choose another folder, or have it overwritten",
            Assert.Throws<EngineException>(() => RunFolder.Create(old.Path, Run with { Training = Options with { Seed = 1 } })).Message);
        using RunFolder folder = RunFolder.Create(old.Path, Run with { Training = Options with { Seed = 1 } }, overwrite: true);
        Assert.Equal("a finished run of 1 epoch", folder.Replaced);
        Assert.Throws<EngineException>(() => new Trainer(TinySet.Network(), TinySet.Make(), _device, Options with { ValidationCount = 1000 }, folder));
        Assert.Equal(weights, File.ReadAllBytes(old.WeightsPath));
        Assert.Equal((Options, 1), (RunFolder.Open(old.Path).Manifest.Training, RunFolder.Open(old.Path).Metrics.Count));

        using CancellationTokenSource now = new();
        now.Cancel();
        using Trainer trainer = new(TinySet.Network(), TinySet.Make(), _device, Options with { Seed = 1 }, folder);
        trainer.Run(now.Token);
        Assert.Equal(["checkpoint.safetensors", "options.json"], Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order());
        Assert.Equal(1, RunFolder.Open(folder.Path).Manifest.Training.Seed);
    }

    [Fact]
    public void More_epochs_are_kept_for_the_next_resumption_and_fewer_than_done_are_refused()
    {
        RunFolder folder = Train("run", Options, TinySet.Network());
        using CancellationTokenSource stop = new();
        using (Trainer trainer = new(TinySet.Network(), TinySet.Make(), _device, Options with { Epochs = 3 }, RunFolder.Open(folder.Path)))
        {
            trainer.EpochEnded += _ => stop.Cancel();
            trainer.Resume();
            Assert.False(trainer.Run(stop.Token).IsCompleted);
        }

        Assert.Equal(3, RunFolder.Open(folder.Path).Manifest.Training.Epochs);
        using (SafetensorsFile file = SafetensorsFile.Open(folder.WeightsPath))
        {
            Assert.Equal(3, RunManifest.FromJson(file.Metadata["options"], file.Path).Training.Epochs);
        }

        AssertRefused(folder, Options, "stands at step 6, but with these options the run ends after step 3; resume it with more epochs");
        Assert.Equal(3, RunFolder.Open(folder.Path).Manifest.Training.Epochs);
    }

    [Fact]
    public void A_checkpoint_of_another_network_is_one_clear_line_and_changes_nothing()
    {
        RunFolder folder = Train("run", Options, TinySet.Network());
        AssertRefused(folder, Options, "is a checkpoint of tiny, not of resnet20", change: run => run with { Model = "resnet20" });

        // The same name, but other tensors.
        Module other = new TinyNetwork();
        AssertRefused(folder, Options, "does not fit the model: 3 missing (fc, conv1.weight, conv1.bias); 8 unexpected (", other);
    }

    [Fact]
    public void A_checkpoint_of_other_options_or_data_is_one_clear_line()
    {
        RunFolder folder = Train("run", Options, TinySet.Network());
        AssertRefused(folder, Options with { LearningRate = 0.01 }, "was made with other options");
        using Trainer trainer = new(TinySet.Network(), TinySet.Make(train: 100), _device, Options with { Epochs = 2 }, RunFolder.Open(folder.Path));
        Assert.Contains("the training images have changed", Assert.Throws<EngineException>(trainer.Resume).Message);
    }

    [Fact]
    public void A_damaged_checkpoint_is_one_clear_line()
    {
        RunFolder folder = Train("run", Options, TinySet.Network());
        byte[] good = File.ReadAllBytes(folder.CheckpointPath);
        File.WriteAllBytes(folder.CheckpointPath, good[..(good.Length / 2)]);
        AssertRefused(folder, Options, folder.CheckpointPath);
        File.Copy(folder.WeightsPath, folder.CheckpointPath, overwrite: true);
        AssertRefused(folder, Options, "is not a checkpoint of this program");
    }

    [Fact]
    public void A_folder_without_a_run_and_damaged_files_are_one_clear_line()
    {
        Assert.Contains("there is no run to resume", Assert.Throws<EngineException>(() => RunFolder.Open(_folder.Path)).Message);
        File.WriteAllText(_folder["options.json"], "{");
        Assert.Contains("options.json' is damaged", Assert.Throws<EngineException>(() => RunFolder.Open(_folder.Path)).Message);
        File.WriteAllText(_folder["options.json"], Run.ToJson());
        File.WriteAllText(_folder["metrics.jsonl"], "nonsense\n");
        Assert.Contains("metrics.jsonl' is damaged: line 1", Assert.Throws<EngineException>(() => RunFolder.Open(_folder.Path)).Message);
    }

    [Fact]
    public void An_unwritable_folder_and_a_full_disk_are_one_clear_line_each()
    {
        File.WriteAllText(_folder["file"], "");
        Assert.Contains(
            "cannot write to folder",
            Assert.Throws<EngineException>(() => RunFolder.Create(_folder["file/run"], Run with { Training = Options })).Message);
        if (OperatingSystem.IsWindows())
        {
            return; // Its errors have other numbers.
        }

        RunFolder folder = RunFolder.Create(_folder["run"], Run with { Training = Options });
        using Trainer trainer = new(TinySet.Network(), TinySet.Make(), _device, Options, folder);
        EngineException error = WithFault(
            (name, at) => name == "fsync" && at.EndsWith("checkpoint.safetensors", StringComparison.Ordinal) ? 28 : 0,
            () => Assert.Throws<EngineException>(() => trainer.Run()));
        Assert.Equal($"cannot write '{folder.CheckpointPath}': No space left on device; nothing was changed", error.Message);
        Assert.Equal(["file"], Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName));
    }

    // With a file of the user's in it the folder cannot change places with the new one, and its files are replaced one by one.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Whichever_call_fails_while_a_run_is_replaced_either_the_old_one_or_the_new_one_goes_on(bool hasNotes)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // The calls are others there.
        }

        TrainingOptions fresh = Options with { Seed = 1 };
        byte[] oldWeights = File.ReadAllBytes(Train("old", Options, TinySet.Network()).WeightsPath),
            newWeights = File.ReadAllBytes(Train("new", fresh, TinySet.Network()).WeightsPath);
        HashSet<(bool IsNew, bool HasOptions)> seen = [];
        bool isOver = false;
        for (int failing = 1; !isOver; failing++)
        {
            string path = Train($"run{failing}", Options, TinySet.Network()).Path;
            if (hasNotes)
            {
                File.WriteAllText(Path.Combine(path, "notes.txt"), "mine");
            }

            int calls = 0;
            using CancellationTokenSource now = new();
            now.Cancel();
            isOver = WithFault((_, _) => ++calls == failing ? 5 : 0, () =>
            {
                using RunFolder folder = RunFolder.Create(path, Run with { Training = fresh }, overwrite: true);
                using Trainer trainer = new(TinySet.Network(), TinySet.Make(), _device, fresh, folder);
                try
                {
                    trainer.Run(now.Token);
                }
                catch (EngineException e)
                {
                    Assert.DoesNotContain(".partial", e.Message);
                }

                return calls < failing;
            });

            RunFolder left = RunFolder.Open(path);
            bool isNew = left.Manifest.Training.Seed == 1;
            seen.Add((isNew, File.Exists(Path.Combine(path, "options.json"))));
            Assert.Equal(isNew ? 0 : 1, left.Metrics.Count);
            using (Trainer trainer = new(TinySet.Network(), TinySet.Make(), _device, left.Manifest.Training, left))
            {
                trainer.Resume();
                Assert.True(trainer.Run().IsCompleted);
            }

            Assert.Equal(isNew ? newWeights : oldWeights, File.ReadAllBytes(left.WeightsPath));
            Assert.Single(RunFolder.Open(path).Metrics);
            Assert.Equal(hasNotes, File.Exists(Path.Combine(path, "notes.txt")));
            Assert.DoesNotContain(Directory.GetFileSystemEntries(_folder.Path), e => e.EndsWith(".partial", StringComparison.Ordinal));
        }

        // Its checkpoint speaks for a run that lacks its options, which happens only where files are replaced one by one.
        Assert.Contains((true, true), seen);
        Assert.Contains((false, !hasNotes), seen);
        Assert.Equal(hasNotes, seen.Contains((true, false)));
    }

    [Fact]
    public void A_run_that_trains_is_not_written_by_another()
    {
        RunFolder folder = RunFolder.Create(_folder["run"], Run with { Training = Options });
        using (Trainer trainer = new(TinySet.Network(), TinySet.Make(), _device, Options, folder))
        {
            int refused = 0;
            trainer.StepEnded += _ =>
            {
                Assert.Contains(
                    $"in use by process {Environment.ProcessId}",
                    Assert.Throws<EngineException>(() => RunFolder.Create(folder.Path, Run with { Training = Options }, overwrite: true)).Message);
                Assert.Contains("in use by process", Assert.Throws<EngineException>(() => RunFolder.Open(folder.Path, claim: true)).Message);
                using Trainer second = new(TinySet.Network(), TinySet.Make(), _device, Options, RunFolder.Open(folder.Path));
                Assert.Contains("in use by process", Assert.Throws<EngineException>(second.Resume).Message);
                refused++;
            };
            trainer.Run();
            Assert.Equal(3, refused);
        }

        RunFolder.Open(folder.Path, claim: true).Dispose();
    }

    [Fact]
    public void A_checkpoint_is_weights_too_and_stands_in_for_those_of_a_run_without_an_epoch()
    {
        RunFolder folder = Train("run", Options, TinySet.Network());
        using (SavedModel saved = SavedModel.Open(folder.Path))
        {
            Assert.Equal(folder.WeightsPath, saved.Path);
        }

        Module fromWeights = TinySet.Network().To(_device, seed: 8), fromCheckpoint = TinySet.Network().To(_device, seed: 9);
        StateDictionary.Load(fromWeights, folder.WeightsPath);
        StateDictionary.Load(fromCheckpoint, folder.CheckpointPath);
        Assert.Equal(
            fromWeights.Named().Select(p => p.Parameter.Value.ToArray<double>()), fromCheckpoint.Named().Select(p => p.Parameter.Value.ToArray<double>()));
        using (SafetensorsFile file = SafetensorsFile.Open(folder.CheckpointPath))
        {
            Assert.Equal(["across", "down"], DataDescription.Read(file.Metadata)!.Classes);
        }

        File.Delete(folder.WeightsPath);
        using (SavedModel saved = SavedModel.Open(folder.Path))
        {
            Assert.Equal(folder.CheckpointPath, saved.Path);
            Assert.Equal(Options.Epochs, saved.Manifest!.Training.Epochs);
        }
    }

    [Fact]
    public void Options_are_checked()
    {
        TrainingOptions options = Options;
        Assert.Contains("momentum is 0", Assert.Throws<EngineException>((options with { Momentum = 0, Nesterov = true }).Check).Message);
        Assert.Contains("epochs is 0", Assert.Throws<EngineException>((options with { Epochs = 0 }).Check).Message);
        Assert.Contains("learning rate is NaN", Assert.Throws<EngineException>((options with { LearningRate = double.NaN }).Check).Message);
        Assert.Contains("micro batches is 3", Assert.Throws<EngineException>((options with { MicroBatches = 3 }).Check).Message);
        Assert.Contains("there is no schedule 'x'", Assert.Throws<EngineException>((options with { Schedule = "x" }).Check).Message);
    }

    [Fact]
    public void Presets_are_found_by_name_and_valid()
    {
        foreach (string name in TrainingRecipes.Presets)
        {
            TrainingRecipes.Preset(name, "cifar10", "resnet20").Check();
        }

        Assert.Equal("paper", TrainingRecipes.Preset("cifar", "cifar10", "resnet56").Schedule);
        Assert.Equal("paper-warmup", TrainingRecipes.Preset("cifar", "cifar10", "resnet110").Schedule);
        Assert.Equal(64_000, TrainingRecipes.Preset("cifar", "cifar10", "resnet20").MaxSteps);
        Assert.Contains("cifar, imagenet, quick", Assert.Throws<EngineException>(() => TrainingRecipes.Preset("x", "cifar10", "resnet20")).Message);
    }

    [Fact]
    public void A_run_with_an_option_out_of_range_makes_no_folder()
    {
        TrainingOptions options = new() { BatchSize = 0 };
        foreach (Func<RunFolder> make in (Func<RunFolder>[])[() => RunFolder.CreateNext(
            _folder["run-"], Run with { Training = options }), () => RunFolder.Create(_folder["run"], Run with { Training = options })])
        {
            Assert.Contains("batch size is 0", Assert.Throws<EngineException>(() => make()).Message);
            Assert.Empty(Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(_folder["run"])!));
        }
    }

    [Fact]
    public void Presets_are_the_recipes_of_the_paper()
    {
        TrainingOptions cifar = new()
        {
            Epochs = int.MaxValue,
            MaxSteps = 64_000,
            BatchSize = 128,
            LearningRate = 0.1,
            Schedule = "paper",
            Momentum = 0.9,
            WeightDecay = 1e-4,
            Padding = 4,
            PerPixelMean = true,
        };
        Assert.Equal(cifar, TrainingRecipes.Preset("cifar", "cifar10", "resnet20"));
        TrainingOptions imageNet = new()
        {
            Epochs = int.MaxValue,
            MaxSteps = 600_000,
            BatchSize = 256,
            LearningRate = 0.1,
            Schedule = "plateau",
            Momentum = 0.9,
            WeightDecay = 1e-4,
        };
        Assert.Equal(imageNet, TrainingRecipes.Preset("imagenet", "folder:x", "resnet50"));
    }

    [Fact]
    public void The_next_epoch_starts_from_nothing_but_what_the_schedule_has_seen()
    {
        TrainingState state = new()
        {
            Epoch = 2,
            Step = 3,
            GlobalStep = 99,
            LossSum = 4,
            Correct = 5,
            Images = 6,
            MeasuredSteps = 7,
            Seconds = 8,
            Pending = [new(1, 2, 3, 4)],
            Schedule = { ["best"] = 9 },
        };
        state.NextEpoch();
        Assert.Equal(
            (3, 0, 99, 0, 0, 0, 0, 0),
            (state.Epoch, state.Step, state.GlobalStep, state.LossSum, state.Correct, state.Images, state.MeasuredSteps, state.Seconds));
        Assert.Equal((1, 9), (state.Pending.Count, state.Schedule["best"]));
    }

    [Fact]
    public void A_description_of_data_normalizes_by_channel_or_by_pixel_or_not_at_all()
    {
        DataDescription data = new() { Name = "x", Classes = ["a"], Height = 2, Width = 3, Channels = 2, Mean = [0.5, 0.25], Deviation = [1, 2] };
        Assert.Equal([0.5, 0.25], data.Normalization().Mean.ToArray());
        Assert.Equal([1, 2], data.Normalization().Deviation.ToArray());
        double[] byPixel = [.. Enumerable.Range(0, 12).Select(i => i / 16.0)];
        Assert.Equal(byPixel, (data with { Mean = byPixel }).Normalization().Mean.ToArray());
        foreach (DataDescription wrong in (DataDescription[])[data with { Mean = [0.5] }, data with { Deviation = [1] },
            data with { Mean = byPixel, Deviation = [1, 2, 3] }])
        {
            Assert.Contains("for images of 2x3x2", Assert.Throws<EngineException>(wrong.Normalization).Message);
        }
    }

    private RunFolder Train(string name, TrainingOptions options, Module model)
    {
        RunFolder folder = RunFolder.Create(_folder[name], Run with { Training = options });
        using Trainer trainer = new(model, TinySet.Make(), _device, options, folder);
        trainer.Run();
        return folder;
    }

    private void AssertRefused(RunFolder folder, TrainingOptions options, string expected, Module? model = null, Func<RunManifest, RunManifest>? change = null)
    {
        model ??= TinySet.Network();
        RunFolder opened = RunFolder.Open(folder.Path);
        opened.Manifest = change?.Invoke(opened.Manifest) ?? opened.Manifest;
        using Trainer trainer = new(model, TinySet.Make(), _device, options, opened);
        List<double[]> before = [.. model.Named().Select(p => p.Parameter.Value.ToArray<double>())];
        EngineException error = Assert.Throws<EngineException>(trainer.Resume);
        Assert.Contains(expected, error.Message);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Equal(before, model.Named().Select(p => p.Parameter.Value.ToArray<double>()));
    }

    private static T WithFault<T>(Func<string, string, int> fault, Func<T> action)
    {
        Disk.Fault = fault;
        try
        {
            return action();
        }
        finally
        {
            Disk.Fault = null;
        }
    }
}
